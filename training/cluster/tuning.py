"""The runs of a sweep as trials of Ray Tune."""

import math
from collections.abc import Callable, Sequence
from tempfile import TemporaryDirectory
from typing import Any

from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.schedulers.trial_scheduler import FIFOScheduler, TrialScheduler

from model.errors import NamesmithError
from training.cluster.connection import RETRIES, ClusterError, as_here
from training.data.read_list import NameList
from training.learning.loop import Progress
from training.run.run import Config
from training.run.run_key import program
from training.search.sweep import Planned, Run, attempt, symbols_to_choose_by

GRACE, REDUCTION = 25, 3
"""Early stopping: at a quarter and at three quarters of its steps a run goes on if it is among the best third of those
that came so far."""
_MEASURED = ("dev_loss", "train_loss", "seconds", "parameters", "digest")
_NUMBER, _DEV_LOSS, _PERCENT, _STEP, _FOUND, _FAULT = "number", "dev_loss", "percent", "step", "found", "fault"


def tuned(
    names: NameList,
    plan: Sequence[Planned],
    base: Config,
    cpus: int,
    early_stopping: bool,
    tell: Callable[[Run], None],
) -> None:
    """Trains every candidate of the plan with its seed, side by side on the cluster that this process is connected to,
    each on `cpus` processors and with as many threads; `tell` is told of each run as soon as it is done. With
    `early_stopping` (ASHA, Li et al. 2020) those that fall behind end before their time. Raises DataError for a list
    that is too small to choose by, ClusterError where a run cannot be finished."""
    symbols = symbols_to_choose_by(names, base)
    teller = _Teller(plan, tell)
    trial = tune.with_parameters(
        _trial, names=names, plan=plan, base=base, symbols=symbols, here=program(), threads=cpus, often=early_stopping
    )
    with TemporaryDirectory(prefix="namesmith-") as directory:
        tuner = tune.Tuner(
            tune.with_resources(trial, {"cpu": cpus, "gpu": 1 if base.device == "cuda" else 0}),
            param_space={_NUMBER: tune.grid_search(list(range(len(plan))))},
            tune_config=tune.TuneConfig(scheduler=_scheduler(early_stopping), reuse_actors=True),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=directory,
                verbose=0,
                callbacks=[teller],
                failure_config=tune.FailureConfig(max_failures=RETRIES),
            ),
        )
        tuner.fit()
    if teller.fault is not None:
        raise NamesmithError(teller.fault)
    if teller.lost:
        raise ClusterError(f"the cluster could not finish {len(teller.lost)} of {len(plan)} runs: {teller.lost[0]}")


def _scheduler(early_stopping: bool) -> TrialScheduler:
    if not early_stopping:
        return FIFOScheduler()  # type: ignore[no-untyped-call]
    return ASHAScheduler(
        time_attr=_PERCENT,
        metric=_DEV_LOSS,
        mode="min",
        max_t=100,
        grace_period=GRACE,
        reduction_factor=REDUCTION,
        stop_last_trials=False,
    )


def _trial(
    config: dict[str, Any],
    names: NameList,
    plan: Sequence[Planned],
    base: Config,
    symbols: int,
    here: str,
    threads: int,
    often: bool,
) -> None:
    """One run, on a worker. What it comes to is its last report."""
    candidate, seed = plan[config[_NUMBER]]
    try:
        as_here(here, threads)
        progress = _reporting(candidate.preset.steps) if often else lambda *_: None
        run = attempt(names, (candidate, seed), base, symbols, progress)
    except NamesmithError as error:
        tune.report({_FAULT: str(error)})
        return
    loss = math.inf if run.dev_loss is None else run.dev_loss
    tune.report({_DEV_LOSS: loss, _PERCENT: 100, _FOUND: {name: getattr(run, name) for name in _MEASURED}})


def _reporting(steps: int) -> Progress:
    """Reports each dev loss once."""
    last: float | None = None

    def report(step: int, train_loss: float, dev_loss: float | None) -> None:  # noqa: ARG001
        nonlocal last
        if dev_loss is not None and dev_loss != last and step < steps:
            last = dev_loss
            tune.report({_DEV_LOSS: dev_loss, _PERCENT: 100 * step / steps, _STEP: step})

    return report


class _Teller(tune.Callback):
    """Hears of trials as they end."""

    def __init__(self, plan: Sequence[Planned], tell: Callable[[Run], None]) -> None:
        self._plan, self._tell = plan, tell
        self.fault: str | None = None
        self.lost: list[str] = []

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune keeps a copy of all settings, from which it could go on."""
        return {}

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:  # noqa: ARG002
        said = trial.last_result
        candidate, seed = self._plan[trial.config[_NUMBER]]
        if _FAULT in said:
            self.fault = said[_FAULT]
        elif _FOUND in said:
            self._tell(Run(candidate, seed, **said[_FOUND]))
        else:
            self._tell(Run(candidate, seed, stopped_after=said[_STEP]))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:  # noqa: ARG002
        error = str(trial.get_error() or trial.error_file or "unknown").strip()
        self.lost.append(error.splitlines()[-1][:300])
