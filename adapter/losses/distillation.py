"""Score distillation: a diffusion model finds the images likely under the prompt."""

from torch import Tensor

from adapter.losses.base import Batch, Loss, register


@register("score_distillation")
class ScoreDistillation(Loss):
    """The score that the run was given, such as `adapter.diffusion.sds.ScoreDistillation.loss`."""

    def __call__(self, batch: Batch) -> Tensor:
        """The score of the target images."""
        assert self.context.distillation is not None
        return self.context.distillation(batch.images, batch.random)
