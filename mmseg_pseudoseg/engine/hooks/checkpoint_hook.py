"""Save checkpoints so that the last good one outlives any failure."""

import os
import os.path as osp
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ..config_changes import config_changes
from ..whole_files import UNFINISHED, write_whole

_SHOWN = 20


class _RemoveLater:
    """A storage that notes what it is asked to remove."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.noted: List[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def remove(self, path: str) -> None:
        """Note a file."""
        self.noted.append(path)

    rmtree = remove


# Under the stock name, so that every config of scope mmseg gets it.
@HOOKS.register_module(name='CheckpointHook')
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's hook in another order: write, then point, then remove.

    The stock one removes the outdated checkpoint before it saves the next,
    and overwrites ``last_checkpoint`` in place: killed at the wrong moment
    it leaves neither. It does not look at the config that a resumed run was
    started with. Options and names are the stock ones; files are written
    whole by :class:`~mmseg_pseudoseg.engine.whole_files.WholeFileBackend`.
    """

    file_backend: Any

    def before_train(self, runner: Runner) -> None:
        """Remove what a killed run left unfinished in its work dir.

        Raises:
            RuntimeError: If the processes do not begin at the same iteration.
        """
        super().before_train(runner)
        begins = all_gather_object(runner.iter)
        if len(set(begins)) > 1:
            raise RuntimeError(
                f'the processes go on from iterations {begins}, by rank: '
                f'their machines do not see the same files in '
                f'{runner.work_dir}. It must be on a file system that they '
                'share')
        if runner.cfg.get('resume') and runner.iter >= runner.max_iters:
            runner.logger.warning(
                f'{runner.work_dir} holds all {runner.max_iters} iterations: '
                'nothing is left to train. A validation that was cut off is '
                'not run again; tools/test.py does.')
        if not is_main_process():
            return
        for folder in {runner.work_dir, str(self.out_dir)}:
            for path in Path(folder).glob(f'*{UNFINISHED}'):
                runner.logger.warning(f'Removed {path}, which a killed run '
                                      'left unfinished.')
                path.unlink()

    def saved(self, runner: Runner) -> bool:
        """Whether this iteration's checkpoint has been written.

        Args:
            runner (Runner): In ``after_train_iter``.

        Returns:
            bool: By name.
        """
        name = self.filename_tmpl.format(runner.iter + 1)
        return self.last_ckpt is not None and osp.basename(
            self.last_ckpt) == name

    def save_now(self, runner: Runner) -> str:
        """Save after this iteration, due or not.

        Args:
            runner (Runner): In ``after_train_iter``.

        Returns:
            str: The path of the checkpoint.
        """
        if not self.saved(runner):
            self.save(runner)
        return str(self.last_ckpt)

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: object = None,
                         outputs: Optional[dict] = None) -> None:
        """Save where it is due."""
        if not self.by_epoch and (self.every_n_train_iters(
                runner, self.interval, self.save_begin) or (
                    self.save_last and self.is_last_train_iter(runner))):
            runner.logger.info(
                f'Saving checkpoint at {runner.iter + 1} iterations')
            self.save(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Save where it is due."""
        if self.by_epoch and (self.every_n_epochs(
                runner, self.interval, self.save_begin) or (
                    self.save_last and self.is_last_train_epoch(runner))):
            runner.logger.info(
                f'Saving checkpoint at {runner.epoch + 1} epochs')
            self.save(runner)

    def save(self, runner: Runner) -> None:
        """Save; then point to it; then remove the outdated one.

        Args:
            runner (Runner): In the last hooks of an iteration or epoch.
        """
        if self.by_epoch:
            step = runner.epoch + 1
            self._save(runner, step, dict(epoch=step, iter=runner.iter))
        else:
            step = runner.iter + 1
            self._save(runner, step, dict(epoch=runner.epoch, iter=step))

    def _save(self, runner: Runner, step: int, meta: dict) -> None:
        """Save under the number ``step``."""
        outdated = None
        if self.max_keep_ckpts > 0 and step not in list(
                self.keep_ckpt_ids)[-1:]:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                outdated = self.keep_ckpt_ids.popleft()
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids',
                                           list(self.keep_ckpt_ids))
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args)
        if not is_main_process():
            return
        write_whole(osp.join(runner.work_dir, 'last_checkpoint'),
                    os.fsencode(str(self.last_ckpt)))
        if outdated is not None:
            path = self.file_backend.join_path(
                self.out_dir, self.filename_tmpl.format(outdated))
            self._remove(path)

    def _remove(self, path: str) -> None:
        """Remove a checkpoint, which DeepSpeed saves as a folder."""
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)
        elif self.file_backend.isdir(path):
            self.file_backend.rmtree(path)

    def after_val_epoch(self, runner: Runner,
                        metrics: Dict[str, float]) -> None:
        """Save the best one; then remove the one it replaces."""
        last, best = self.last_ckpt, self._best(runner)
        with self._removing_later():
            self.last_ckpt = None  # or the stock hook saves it once more
            try:
                super().after_val_epoch(runner, metrics)
            finally:
                self.last_ckpt = last
            if last is not None and self._best(runner) != best:
                # The last one is to name the best one.
                self._save(runner,
                           runner.epoch if self.by_epoch else runner.iter,
                           dict(epoch=runner.epoch, iter=runner.iter))

    @staticmethod
    def _best(runner: Runner) -> Dict[str, Any]:
        """What is known of the best checkpoints so far."""
        return {name: value
                for name, value in runner.message_hub.runtime_info.items()
                if name.startswith('best_')}

    @contextmanager
    def _removing_later(self) -> Iterator[None]:
        """Remove at the end, and nothing if that is not reached."""
        backend = self.file_backend
        later = self.file_backend = _RemoveLater(backend)
        try:
            yield
        finally:
            self.file_backend = backend
        for path in later.noted:
            self._remove(path)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare what a run is resumed from with the run.

        Args:
            runner (Runner): Its config has ``resume`` set, or nothing is
                done.
            checkpoint (dict): What was loaded.

        Raises:
            RuntimeError: If it holds weights alone.
        """
        if not runner.cfg.get('resume'):
            return
        name = runner.cfg.get('load_from') or (
            f'last_checkpoint of {runner.work_dir}')
        needed = ['meta', 'message_hub']
        if self.save_optimizer:
            needed.append('optimizer')
        missing = [key for key in needed if key not in checkpoint]
        if missing:
            raise RuntimeError(
                f'{name} cannot be resumed from: it holds no '
                f'{", ".join(missing)}. To start a new run from its weights, '
                'pass --cfg-options load_from=PATH in place of --resume')
        self._tell_changes(runner, name, checkpoint['meta'].get('cfg', ''))

    def _tell_changes(self, runner: Runner, name: str, before: str) -> None:
        """Log which keys of the config have another value than they had."""
        try:
            changes = config_changes(before, runner.cfg.pretty_text)
        except ValueError as error:
            runner.logger.warning(f'The config in {name} cannot be read '
                                  f'({error}) and was not compared.')
            return
        if len(changes) > _SHOWN:
            changes[_SHOWN:] = [f'and {len(changes) - _SHOWN} more']
        if changes:
            runner.logger.warning(
                f'The config is not the one that {name} was saved with; the '
                'run goes on with the new values:\n  ' +
                '\n  '.join(changes))
