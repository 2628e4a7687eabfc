"""Score distillation: the gradient of a picture towards what a diffusion model finds likely.

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
    """A loss of pictures under a prompt, by a frozen diffusion model."""

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
            positive, negative_text = pipeline.encode_prompt(prompt, self.device, 1, guidance > 1, negative)
        self.texts = [positive] if guidance <= 1 else [negative_text, positive]

    def loss(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A scalar whose gradient is the paper's, divided by the number of latent values so that sizes do not matter.

        The value itself is half the mean square of that gradient; noise keeps it above zero.

        Args:
            images: [N, 3, S, S] in [-1, 1], any S.
            generator: draws t and the noise; the default one where None.
        """
        latents = self.encode(images)
        where = "cpu" if generator is None else generator.device
        shape = (len(latents),)
        t = torch.randint(self.first, self.last, shape, generator=generator, device=where).to(self.device)
        noise = torch.randn(latents.shape, generator=generator, device=where).to(latents)
        goal = latents.detach() - self.gradient(latents.detach(), t, noise)
        return 0.5 * F.mse_loss(latents, goal)

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
        inputs = noisy.to(unet.dtype).repeat(count, 1, 1, 1), t.repeat(count)
        predicted = unet(*inputs, encoder_hidden_states=texts).sample.float().chunk(count)
        guided = predicted[-1] if count == 1 else predicted[0] + self.guidance * (predicted[1] - predicted[0])
        kind = self.pipeline.scheduler.config.prediction_type
        if kind == "v_prediction":
            return alpha.sqrt() * guided + (1 - alpha).sqrt() * noisy
        if kind == "sample":
            return (noisy - alpha.sqrt() * guided) / (1 - alpha).sqrt()
        return guided
