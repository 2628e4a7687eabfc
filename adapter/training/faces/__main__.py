r"""Make the embedded base ``faces``.

python -m adapter.training.faces data --out work/faces/data --shards 125
python -m adapter.training.faces check --data work/faces/data --sheet work/faces/people.jpg
python -m adapter.training.faces train --data work/faces/data --out work/faces/run
python -m adapter.training.faces export --data work/faces/data --run work/faces/run --out checkpoints/faces
python -m adapter.training.faces evaluate --data work/faces/data --run work/faces/run \
    --card checkpoints/faces/README.md

``data`` and ``train`` go on where they stopped. ``data`` needs openvino; the others need torch.
"""

import argparse
import dataclasses
from pathlib import Path

ASSETS = Path("work/faces/assets")
DATA = Path("work/faces/data")
RUN = Path("work/faces/run")


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(prog="python -m adapter.training.faces", description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--assets", type=Path, default=ASSETS, help="where the pretrained packages are kept")
    commands = parser.add_subparsers(dest="command", required=True)
    data = commands.add_parser("data", help="make people from several sides, shard by shard")
    data.add_argument("--out", type=Path, default=DATA)
    data.add_argument("--shards", type=int, default=125)
    data.add_argument("--people", type=int, default=64, help="people of each shard")
    data.add_argument("--survey", type=int, default=1000, help="random people that the directions of pose come from")
    data.add_argument("--seed", type=int, default=1)
    checking = commands.add_parser("check", help="print how good the data are, and draw some of them")
    checking.add_argument("--data", type=Path, default=DATA)
    checking.add_argument("--sheet", type=Path)
    _add_training(commands)
    for name, text in (("export", "write the averaged generator as a checkpoint"), ("evaluate", "print the metrics")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--data", type=Path, default=DATA)
        command.add_argument("--run", type=Path, default=RUN)
        command.add_argument("--prepared", type=Path, default=DATA.parent / "prepared")
        if name == "export":
            command.add_argument("--out", type=Path, default=Path("checkpoints/faces"))
        else:
            command.add_argument("--sheet", type=Path)
            command.add_argument("--people", type=int, default=64, help="how many held-out people")
            command.add_argument("--crowd", type=int, default=256, help="random people that are told apart")
            command.add_argument("--card", type=Path, help="also write the checkpoint's README.md here")
    args = parser.parse_args()
    if args.command == "data":
        _data(args)
    elif args.command == "check":
        _check(args)
    else:
        # Only these commands need torch.
        from adapter.training.faces import runs

        {"train": runs.train_base, "export": runs.export_base, "evaluate": runs.evaluate_base}[args.command](args)


def _add_training(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from adapter.training.faces.recipe import Recipe

    training = commands.add_parser("train", help="train or go on training")
    training.add_argument("--data", type=Path, default=DATA)
    training.add_argument("--prepared", type=Path, default=DATA.parent / "prepared", help="arrays made from the data")
    training.add_argument("--out", type=Path, default=RUN)
    training.add_argument("--report", type=int, default=250, help="steps between snapshots and measurements")
    for field in dataclasses.fields(Recipe):
        if field.name != "weights":
            training.add_argument(f"--{field.name}", type=type(field.default), default=field.default)


def _data(args: argparse.Namespace) -> None:
    from adapter.training.faces.assets import fetch_assets
    from adapter.training.faces.collect import Studio, collect

    assets = fetch_assets(args.assets)
    studio = Studio.open(assets, args.threads)
    for line in collect(studio, assets, args.out, args.seed, args.shards, args.people, args.survey):
        print(line, flush=True)


def _check(args: argparse.Namespace) -> None:
    from adapter.training.faces.check import contact_sheet, facts
    from adapter.training.faces.latents import POSE_SPACE, PoseSpace
    from adapter.training.faces.shards import found, load

    template = PoseSpace.load(args.data / POSE_SPACE).template
    shards = [load(path) for path in found(args.data)]
    for name, value in facts(shards, template).items():
        print(f"{name}: {value}")
    if args.sheet:
        contact_sheet(shards[0], args.sheet)


if __name__ == "__main__":
    main()
