"""What torch, schedulers, trainers and checkpoints see of an optimizer that wraps others, and what
it says of itself.
"""

import sys
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any

from torch.amp import GradScaler
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from sssam.core.counters import Counters
from sssam.core.groups import require_no_foreign_radius
from sssam.methods import Memory, Method
from sssam.runtime import checkpoint, joint, migration, outside
from sssam.runtime.bases import State
from sssam.runtime.scaling import require_unscaled
from sssam.runtime.training import TrainingState


class Interface(Optimizer):
    """The base optimizers' groups, state and hooks as one's own, and checkpoints of a training."""

    _training: TrainingState

    @property
    def bases(self) -> tuple[Optimizer, ...]:
        """The base optimizers."""
        return tuple(self._training.bases.all)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The base optimizer's own param groups; an entry "sssam_rho" is a group's own radius."""
        bases = self._training.bases.all
        return bases[0].param_groups if len(bases) == 1 else joint.groups(bases)

    @param_groups.setter
    def param_groups(self, given: list[dict[str, Any]]) -> None:
        joint.set_groups(self._training.bases.all, given)

    @property
    def state(self) -> Any:
        """The base optimizer's own state."""
        return self._training.bases.state

    @state.setter
    def state(self, given: MutableMapping[Any, Any]) -> None:
        joint.set_state(self._training.bases.all, given)

    @property
    def defaults(self) -> dict[str, Any]:
        """The base optimizer's own defaults; of several, all that they have."""
        bases = self._training.bases.all
        return bases[0].defaults if len(bases) == 1 else joint.defaults(bases)

    @defaults.setter
    def defaults(self, given: dict[str, Any]) -> None:
        self._training.bases.all[0].defaults = given

    # The method and its counters -----------------------------------------------------------------

    @property
    def method(self) -> Method:
        """The method that is run."""
        return self._training.method

    @property
    def counters(self) -> Counters:
        """Steps, ascents, void ones, and passes, as they were run."""
        return self._training.counters

    @property
    def steps(self) -> int:
        """Steps taken; also t of the coming step."""
        return self._training.counters.steps

    @property
    def ascents(self) -> int:
        """Sharpness-aware steps taken."""
        return self._training.counters.ascents

    @property
    def propagations(self) -> float:
        """Propagations a step, really run: (forwards + 2 backwards) / 3; 1 for the base."""
        return self._training.counters.propagations

    @property
    def expected_propagations(self) -> float:
        """Propagations a step, as planned for the whole training.

        Raises:
            RuntimeError: for a method that decides by the gradients as they come.
        """
        return self.method.cost(self._training.total_steps)

    @property
    def critical_propagations(self) -> float:
        """Expected passes on the critical path, with one device per independent pass."""
        return self.method.critical(self._training.total_steps)

    @property
    def memory(self) -> Memory:
        """Extra copies of the parameters: from step to step, and at the peak of a step."""
        return self.method.memory

    # Checkpoints, hooks and trainers ---------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        # Trainers ask whether an optimizer has modes, as schedule-free ones do.
        if name in ("train", "eval") and "_training" in self.__dict__:
            modes = [getattr(base, name) for base in self.bases if hasattr(base, name)]
            if modes:
                return partial(_in_mode, self._training, name, modes)
        raise migration.unknown(self, name)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group to the base optimizer (to the first one, of several)."""
        require_no_foreign_radius(param_group, self._training.bases.all[0].defaults)
        self._training.give_up()
        self._training.bases.add_param_group(param_group)

    def state_dict(self) -> State:
        """Torch's own format; loads with `weights_only=True`, and into the base optimizer too.

        To go on without this library, that is: to resume, load it into this optimizer.

        A step in progress is given up first: the weights are back at w. After an update of the base
        optimizer that an exception broke off, a warning says that a part of it may be in there.

        Raises:
            RuntimeError: called by a signal handler or a hook amid the base optimizer's update.
        """
        self._training.require_whole("state_dict()")
        self._training.give_up()
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        self._training.warn_if_void()
        saved = checkpoint.save(self._training)
        for changed in self._optimizer_state_dict_post_hooks.values():
            saved = changed(self, saved) or saved
        return saved

    def load_state_dict(self, state_dict: State) -> None:
        """Load a checkpoint of this optimizer, or one of the base optimizer alone.

        A step in progress is given up; weights, buffers and generator states that were loaded
        before this call stay as they are.

        Raises:
            ValueError: it is another model's; nothing was changed.
        """
        self._training.give_up(loaded=True)
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            state_dict = hook(self, state_dict) or state_dict
        checkpoint.load(self._training, state_dict)
        for done in self._optimizer_load_state_dict_post_hooks.values():
            done(self)

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before the update, once all gradients are made."""
        return self.bases[0].register_step_pre_hook(partial(_for_wrapper, self, hook))

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after the update, a method's own part included."""
        return self.bases[-1].register_step_post_hook(partial(_when_made, self, hook))

    def __getstate__(self) -> dict[str, Any]:
        self._training.require_whole("copying or pickling")
        self._training.give_up()
        self._training.left = None  # a weak reference can't be pickled
        return {"_training": self._training}

    def __setstate__(self, state: dict[str, Any]) -> None:
        own = ("param_groups", "state", "defaults")
        for name in [name for name in own if name in state]:
            setattr(self, name, state[name])
        self.__dict__.update({name: state[name] for name in state if name not in own})
        if "_training" not in state:
            return
        outside.watch(self._training)
        self._optimizer_state_dict_pre_hooks = OrderedDict()
        self._optimizer_state_dict_post_hooks = OrderedDict()
        self._optimizer_load_state_dict_pre_hooks = OrderedDict()
        self._optimizer_load_state_dict_post_hooks = OrderedDict()

    @property
    def _step_supports_amp_scaling(self) -> bool:
        training = self._training
        if not isinstance(sys._getframe(1).f_locals.get("self"), GradScaler):
            return False  # others ask too (Lightning, before it clips), whatever they scale
        if training.step is not None and not training.current.scaled:
            try:
                require_unscaled(training.method)
            except RuntimeError:
                training.give_up()
                raise
        training.offer()
        return False

    def __setattr__(self, name: str, value: Any) -> None:
        migration.require_settable(self, name, value)
        super().__setattr__(name, value)


def _in_mode(training: TrainingState, name: str, modes: list[Callable[..., Any]]) -> None:
    # Trainers say "train" before each pass; the step began in it.
    if name == "train" and training.stage != "idle":
        return
    training.give_up()
    for mode in modes:
        mode()


def _for_wrapper(wrapper: Any, hook: Callable[..., Any], base: Optimizer, *args: Any) -> Any:
    return hook(wrapper, *args)


def _when_made(wrapper: Any, hook: Callable[..., Any], base: Optimizer, *args: Any) -> Any:
    training = wrapper._training
    training.correct(training.step)  # what averages weights here must see them as the step ends
    return hook(wrapper, *args)
