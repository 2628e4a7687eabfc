"""An EG3D of a few thousand weights, small enough that whole jobs take seconds."""

from adapter.eg3d import Eg3dConfig, RenderingConfig, SuperresolutionConfig

CONFIG = Eg3dConfig(
    superresolution=SuperresolutionConfig(
        16, (8, 6), (False, True), clamp=None, inplace_rgb=False, noise_mode="const", padding="replicate"
    ),
    rendering=RenderingConfig(2.3, 3.15, 0.8, 4, 4, white_background=True, plane_axes="xy-xz-zy"),
    z_dim=8,
    w_dim=12,
    conditioning=0,
    first_resolution=16,
    plane_resolution=16,
    plane_channels=4,
    channel_base=128,
    channel_max=8,
    decoder_hidden=8,
    feature_channels=6,
    raw_resolution=16,
    label_std=False,
    camera_pivot=(0.0, 0.0, 0.0),
)
