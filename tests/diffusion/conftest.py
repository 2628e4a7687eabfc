"""A random Stable Diffusion of a few thousand weights, saved to disk as the Hub would hold it."""

from pathlib import Path

import pytest
import torch

from adapter.utils.torchvision_compat import ensure_torchvision

SIDE = 16


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    ensure_torchvision()
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz,"
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    torch.manual_seed(0)
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            block_out_channels=(8, 8),
            norm_num_groups=4,
            sample_size=SIDE,
        ),
        text_encoder=CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(vocabulary),
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                max_position_embeddings=24,
                bos_token_id=vocabulary["<|startoftext|>"],
                eos_token_id=vocabulary["<|endoftext|>"],
                pad_token_id=vocabulary["<|endoftext|>"],
            )
        ),
        tokenizer=CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=24),
        unet=UNet2DConditionModel(
            sample_size=SIDE // 2,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=4,
            cross_attention_dim=16,
            attention_head_dim=4,
        ),
        scheduler=DDIMScheduler(
            beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    path = tmp_path_factory.mktemp("diffusion") / "tiny"
    pipeline.save_pretrained(path, safe_serialization=True)
    return path


@pytest.fixture(scope="session")
def pipeline(folder):
    from adapter.diffusion.models import load_pipeline

    return load_pipeline(folder)
