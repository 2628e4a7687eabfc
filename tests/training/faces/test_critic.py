import torch

from adapter.training.faces.critic import Critic, critic_loss, generator_loss


def test_a_critic_learns_to_tell_two_kinds_of_images_and_its_gradient_leads_to_the_true_kind():
    torch.manual_seed(0)
    critic = Critic()
    optimizer = torch.optim.Adam(critic.parameters(), lr=3e-3)
    made, true = torch.zeros(4, 3, 32, 32), torch.full((4, 3, 32, 32), 0.5)
    before = critic_loss(critic, made, true).item()
    for _ in range(60):
        optimizer.zero_grad()
        critic_loss(critic, made, true).backward()
        optimizer.step()
    assert critic_loss(critic, made, true).item() < 0.7 * before
    image = made.clone().requires_grad_(True)
    generator_loss(critic, image).backward()
    assert float((-image.grad * (true - made)).sum()) > 0


def test_the_critics_loss_leaves_the_generator_alone():
    made = torch.zeros(1, 3, 32, 32, requires_grad=True)
    critic_loss(Critic(), made, torch.ones(1, 3, 32, 32)).backward()
    assert made.grad is None
