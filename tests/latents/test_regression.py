"""Ridge regression of few people on many numbers."""

import torch

from adapter.latents.regression import explained, ridge


def people(noise: float) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(60, 100, generator=random, dtype=torch.double)
    x[:, 3:] *= 0.1
    told = x[:, :1] - 2 * x[:, 1:2]
    return x, torch.cat([told, noise * torch.randn(60, 1, generator=random, dtype=torch.double)], dim=1)


def test_it_is_the_ridge_regression_of_the_text_books():
    x, y = people(1.0)
    weight = 0.1 * (x @ x.T).diagonal().mean()
    direct = torch.linalg.solve(x.T @ x + weight * torch.eye(100, dtype=x.dtype), x.T @ y)
    torch.testing.assert_close(ridge(x, y, 0.1), direct, atol=1e-8, rtol=1e-8)


def test_only_what_x_tells_is_explained():
    told, noise = explained(*people(1.0), 0.1).tolist()
    assert told > 0.8
    assert noise < 0.2
