"""Score distillation: a diffusion model's opinion of a picture as a gradient.

DreamFusion (Poole et al. 2022), equation 3, in the latent space of a Stable Diffusion model:
gradient = E over t and noise of w(t) (predicted noise - noise) d(latent)/d(parameters), with w(t) = 1 - alpha_bar(t).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from adapter.diffusion.models import check_prompt
from adapter.diffusion.reference import native_side
from adapter.errors import UserError


class ScoreDistillation:
    """How far pictures are from a prompt, by a frozen diffusion model."""

    def __init__(
        self,
        pipeline: Any,
        prompt: str,
        negative: str = "",
        guidance: float = 100.0,
        noise_range: tuple[float, float] = (0.02, 0.98),
    ) -> None:
        """Encode the prompts once.

        Args:
            pipeline: a Stable Diffusion pipeline (one text encoder, UNet, VAE) with any scheduler.
            prompt: what the pictures should become.
            negative: what they should move away from; the empty text in the paper.
            guidance: classifier-free guidance, 100 in the paper; 1 or less leaves it out, as turbo models want.
            noise_range: shares of the noise schedule between which t is drawn.

        Raises:
            UserError: an empty or too long prompt, or a pipeline of another kind.
            ValueError: a range outside of [0, 1].
        """
        if not 0 <= noise_range[0] < noise_range[1] <= 1:
            raise ValueError("The noise range must be two increasing shares between 0 and 1.")
        check_prompt(pipeline, prompt)
        needed = ("unet", "vae", "scheduler", "text_encoder")
        extra = getattr(getattr(pipeline, "unet", None), "config", None)
        if any(getattr(pipeline, part, None) is None for part in needed) or getattr(extra, "addition_embed_type", None):
            raise UserError("Score distillation needs a Stable Diffusion 1 or 2 model. Choose such a model.")
        self.pipeline, self.guidance = pipeline, guidance
        self.device = pipeline.unet.device
        self.alphas = pipeline.scheduler.alphas_cumprod.to(self.device, torch.float32)
        steps = len(self.alphas)
        self.first, self.last = int(noise_range[0] * steps), max(int(noise_range[1] * steps), 1)
        with torch.no_grad():
            wanted, unwanted = pipeline.encode_prompt(prompt, self.device, 1, guidance > 1, negative)
        self.texts = [wanted] if guidance <= 1 else [unwanted, wanted]

    def loss(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A scalar whose gradient is the paper's, divided by the number of latent values so that sizes do not matter.

        The value itself, half the mean square of that gradient, says little: noise keeps it above zero.

        Args:
            images: [N, 3, S, S] in [-1, 1], any S.
            generator: draws t and the noise; the default one where None.
        """
        latents = self.encode(images)
        where = "cpu" if generator is None else generator.device
        shape = (len(latents),)
        t = torch.randint(self.first, self.last, shape, generator=generator, device=where).to(self.device)
        noise = torch.randn(latents.shape, generator=generator, device=where).to(latents)
        wanted = latents.detach() - self.gradient(latents.detach(), t, noise)
        return 0.5 * F.mse_loss(latents, wanted)

    @torch.no_grad()
    def gradient(self, latents: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """w(t) (predicted noise - noise) for latents [N, C, h, w], timesteps [N] and noise like the latents."""
        alpha = self.alphas[t][:, None, None, None]
        noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
        return (1 - alpha) * (self._predict(noisy, t, alpha) - noise)

    def encode(self, images: Tensor) -> Tensor:
        """Latents [N, C, h, w] of images [N, 3, S, S] in [-1, 1]: the mean of the VAE's posterior, scaled."""
        side, vae = native_side(self.pipeline), self.pipeline.vae
        images = images.to(self.device)
        if images.shape[-1] != side:
            images = F.interpolate(images, (side, side), mode="bilinear", antialias=True)
        posterior = vae.encode(images.to(vae.dtype)).latent_dist
        return posterior.mode().float() * vae.config.scaling_factor

    def _predict(self, noisy: Tensor, t: Tensor, alpha: Tensor) -> Tensor:
        unet, count = self.pipeline.unet, len(self.texts)
        texts = torch.cat([text.expand(len(noisy), -1, -1) for text in self.texts]).to(unet.dtype)
        answer = unet(noisy.to(unet.dtype).repeat(count, 1, 1, 1), t.repeat(count), encoder_hidden_states=texts).sample
        answers = answer.float().chunk(count)
        guided = answers[-1] if count == 1 else answers[0] + self.guidance * (answers[1] - answers[0])
        kind = self.pipeline.scheduler.config.prediction_type
        if kind == "v_prediction":
            return alpha.sqrt() * guided + (1 - alpha).sqrt() * noisy
        if kind == "sample":
            return (noisy - alpha.sqrt() * guided) / (1 - alpha).sqrt()
        return guided
