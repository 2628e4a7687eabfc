"""A tiny base, classifier and truth with which the whole evaluation runs in seconds."""

from pathlib import Path

import torch

from adapter.eg3d import Generator
from adapter.evaluation.classifier import Classifier, make_trunk
from adapter.evaluation.eval_set import EvalConfig
from adapter.evaluation.runner import EvalContext, MethodEntry
from adapter.methods import Method, Stage, loss
from adapter.utils.torchvision_compat import ensure_torchvision
from tests.helpers.tiny_base import CONFIG
from tests.helpers.tiny_encoder import make_encoder

METHOD = Method(
    name="3d-adapter",
    preset="tiny",
    stages=(Stage("Tri-D", ("decoder",), 2), Stage("G2", ("superresolution",), 2)),
    losses=(loss("colour_distribution", 3.0, side=16), loss("text_directional", 1.0)),
    pool=2,
    warmup=1,
    preview_every=2,
)
STYLIZE = Method(
    name="stylize",
    preset="tiny",
    stages=(Stage("Pixels", ("superresolution",), 2),),
    losses=(loss("colour_distribution", 3.0, side=16), loss("moments", 0.1, (0,))),
    per_frame=True,
)
COLORS = {"orc": (-0.5, 0.5, -0.5), "charcoal": (-0.6, -0.6, -0.6), "bronze": (0.2, -0.2, -0.6), "plain": (0, 0, 0)}


class FakeGroundTruth:
    """Styles are flat colors, identities are brightnesses; counts the calls of `images`."""

    styles = ("orc", "charcoal", "bronze")
    people = False

    def __init__(self, size: int) -> None:
        self.size, self.calls = size, 0

    def latents(self, count, seed):
        return torch.randn(count, CONFIG.z_dim, generator=torch.Generator().manual_seed(seed))

    def reference(self, style, size):
        return torch.tensor(COLORS[style]).view(1, 3, 1, 1).expand(1, 3, size, size).contiguous()

    def images(self, style, latents, cameras, colors=None):
        self.calls += 1
        flat = torch.tensor(COLORS[style]).view(1, 3, 1, 1).expand(len(latents), 3, self.size, self.size)
        ramp = torch.linspace(-0.2, 0.2, self.size)[:, None] * latents[:, 0].view(-1, 1, 1, 1)
        return (flat + ramp + (0 if colors is None else 0.1 * colors.cpu())).clamp(-1, 1)

    def shape(self, latents, cameras, side):
        """A wall through the origin, seen from the front by cameras at a distance of 2.7."""
        return torch.full((len(latents), 1, side, side), 2.7), torch.ones(len(latents), 1, side, side)

    def labels(self, latents, attribute):
        return ["yes" if z > 0 else "no" for z in latents[:, 0]]

    def prompt(self, style):
        return f"a kind of {style}"


ENTRIES = [MethodEntry("3d-adapter", "3D-Adapter", METHOD), MethodEntry("stylize", "2D style transfer", STYLIZE)]


def make_classifier():
    """An untrained classifier that knows three styles and one attribute."""
    ensure_torchvision()
    import timm

    torch.manual_seed(3)
    unused = ("conv_head.", "bn2.", "classifier.")
    weights = timm.create_model("tf_efficientnet_lite1").state_dict()
    trunk = make_trunk({name: tensor for name, tensor in weights.items() if not name.startswith(unused)})
    classes = {"style": (*FakeGroundTruth.styles, "plain"), "glasses": ("no", "yes")}
    heads = {"mean": torch.zeros(1568), "deviation": torch.ones(1568)}
    for head, names in classes.items():
        heads |= {f"{head}.weight": torch.randn(len(names), 1568), f"{head}.bias": torch.zeros(len(names))}
    return Classifier(trunk, heads, classes)


def make_generator():
    """An untrained base that shows something solid."""
    torch.manual_seed(0)
    base = Generator(CONFIG).eval().requires_grad_(False)
    base.decoder.net[2].bias[0] = 10
    return base


def make_context(out: Path, classifier: Classifier | None = None, seeds: tuple[int, ...] = (0,)) -> EvalContext:
    """All models, as each process makes them; an existing classifier saves time."""
    config, truth = EvalConfig(pairs=10, front=6, turned=3), FakeGroundTruth(CONFIG.image_resolution)
    models = [make_encoder(layers=2)], classifier or make_classifier()
    return EvalContext(make_generator(), "tiny", *models, truth, out, seeds=seeds, config=config)
