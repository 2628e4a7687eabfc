"""The card beside the embedded base: what it is, how it was made, how good it is, and whose rights it carries."""

TEMPLATE = """# faces

A small EG3D of photographic people: {parameters:,} parameters, {image} px images from {raw} px features, {plane} px
planes. z ~ N(0, I) goes through MobileStyleGAN's own mapping, so its w is a StyleGAN w, with the pose taken out; the
camera alone turns a person. The features of MobileStyleGAN's synthesis network up to 128 px, for the person seen from
the front, are read onto the XY plane (`adapter/eg3d/front.py`); a small StyleGAN2 backbone adds the third dimension.

- **License: non-commercial.** The people are pictures of MobileStyleGAN (package `random-face` 2021.7.21.1, code
  Apache-2.0), which is distilled from NVIDIA's StyleGAN2 on the FFHQ photographs (CC BY-NC-SA 4.0), and its mapping
  and most of its synthesis network are part of these files. What is made with this base carries the same terms.
- **Made by:** the commands at the top of `adapter/training/faces/__main__.py`; {steps} steps. Before these, planes and
  decoder saw 1,700 batches of whole images at 32 x 32 rays, without front and super-resolution. Weights of losses,
  samples and the density's gain were raised while it ran; the recipe has their last values. One thread, 2,176 people.
- **Also used while making it:** MediaPipe's face detector, mesh and selfie segmentation (Apache-2.0), LPIPS (BSD-2)
  with VGG16 (torchvision, BSD-3). None of them is in this file.
- **Files:** `model.safetensors`, `front.safetensors` (both with large matrices in eight bits), `config.json`;
  `album.jpg` by `python -m adapter.synthetic.faces.album`; `directions.json` and `directions.safetensors` by
  `adapter directions --base faces`, from renders and from `labels.json`: sex, age and
  glasses of 240 random people, labelled by eye.

No photograph of a real person was used directly, and none of these people exists. The photographs behind StyleGAN2
are of real people; the base shares FFHQ's imbalances.

## Measured on {people} people never trained on, from up to four sides each

Printed by `python -m adapter.training.faces evaluate`.

| metric | value | goal |
| --- | --- | --- |
| LPIPS (VGG) at {image} px | {lpips:.3f} | at most 0.30 |
| PSNR over the person at {image} px | {psnr_person:.2f} dB | at least 19 |
| mask IoU at {raw} px | {iou:.3f} | at least 0.95 |
| landmark error in face widths | {landmarks:.2%} | at most 2.5 % |
| depth error in face widths | {depth:.2%} | at most 3 % |
| reprojection error between views, over the data's own | {reprojection_ratio:.2f} | at most 1.5 |
| told apart among {crowd} random people from 20 degrees away | {identity:.1%} | at least 95 % |
"""


def write_card(facts: dict[str, float | int | str]) -> str:
    """The card's Markdown.

    Args:
        facts: every placeholder of the template by name.
    """
    ratio = float(facts["reprojection"]) / float(facts["reprojection_data"])
    return TEMPLATE.format(**facts, reprojection_ratio=ratio)
