"""Pictures and videos of a domain that exists already, on the GPU's side."""

import functools
from collections.abc import Iterator
from typing import Any

from adapter.adaptation import Domain
from adapter.scene import DomainScene, Identities
from adapter.service import models
from adapter.service.requests import RenderRequest, Update
from adapter.service.time_left import TimeLeft
from adapter.service.worker import outputs


def run(request: RenderRequest) -> Iterator[Update]:
    """Render and write; see `adapter.service.jobs.render_job`."""
    generator = models.generator(request.base, request.library)
    domain = Domain.load(request.domain)
    factory = functools.partial(DomainScene, parts=domain.apply(generator, request.strength))
    people = Identities.draw(generator, request.people, request.cast, request.truncation)
    clock = TimeLeft(0.0, outputs.timed(factory(people), generator.device)[1], len(outputs.PATH.poses))
    yield from outputs.render_result(
        request,
        factory,
        people,
        clock,
        domain=request.domain,
        settings={**_settings(domain), "strength": request.strength, "truncation": request.truncation},
    )


def _settings(domain: Domain) -> dict[str, Any]:
    """What a domain file records of how it was made, by the names of `AdaptRequest`."""
    about = domain.metadata
    stages = about.settings.get("stages", [])
    return {
        "method": about.method,
        "preset": about.settings.get("preset", ""),
        "steps": sum(stage.get("steps", 0) for stage in stages if isinstance(stage, dict)),
        "seed": about.seed,
        "prompt": about.prompt or "",
        "base": about.base,
        "licence": about.license,
    }
