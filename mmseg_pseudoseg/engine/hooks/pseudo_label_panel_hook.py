"""Pictures of how pseudo labels come about."""

from typing import Dict, List, Sequence, Tuple

import numpy as np
from mmengine.dist import is_main_process
from mmengine.runner import Runner
from mmseg.models.utils import resize
from mmseg.registry import HOOKS
from torch import Tensor

from ...datasets.collate import packed_images
from ...models.segmentors import PseudoLabelStep
from .panel import IGNORE, IGNORE_COLOUR, colours, fit, heat, panel
from .pseudo_label_hook import PseudoLabelHook

# Maps of classes, with their titles.
FLAT = dict(
    sgc='SGC map', decoder='decoder', fused='pseudo label', mask='mask')


def to_rgb(view: Tensor) -> np.ndarray:
    """A view as the pipeline packed it, (3, h, w), BGR, as RGB (h, w, 3)."""
    return view.permute(1, 2, 0).clamp(0, 255).byte().numpy()[..., ::-1]


@HOOKS.register_module()
class PseudoLabelPanelHook(PseudoLabelHook):
    """Draw the unlabelled images of a step and what was made of them.

    The stock ``SegVisualizationHook`` draws predictions of whole validation
    images. This one draws the crops that L_u trains on, a picture each: weak
    view, strong view, Grad-CAM (its largest value over the classes), largest
    class of SGC map, decoder and pseudo label, and the label's confidence
    (black where its weight is 0), over a legend of the classes that occur.
    The box that ``CutOut`` erased is black. The pictures
    ``pseudo_label_<k>`` go to every backend of ``visualizer.vis_backends``;
    in a distributed run they show images of rank 0.

    Args:
        interval (int): Iterations between two panels.
        num_images (int): Pictures, the first images of the batch.
        hidden_masks (bool): Whether to open and show the masks of the
            unlabelled images, for studies on data that has them.

    Raises:
        ValueError: If a number is not positive.
    """

    def __init__(self,
                 interval: int = 500,
                 num_images: int = 2,
                 hidden_masks: bool = False) -> None:
        super().__init__(interval, hidden_masks)
        if num_images < 1:
            raise ValueError('PseudoLabelPanelHook.num_images must be '
                             f'positive, not {num_images}')
        self.num_images = num_images

    def before_train(self, runner: Runner) -> None:
        """Find the network, and the names and colours of its classes.

        Raises:
            ValueError: If the data set has others.
        """
        super().before_train(runner)
        meta = runner.train_dataloader.dataset.metainfo
        names, palette = (meta.get(k) or () for k in ('classes', 'palette'))
        if not len(names) == len(palette) == self.model.num_classes:
            raise ValueError(
                'PseudoLabelPanelHook: model.decode_head.num_classes is '
                f'{self.model.num_classes}, but train_dataloader.dataset has '
                f'{len(names)} classes and {len(palette)} colours: set '
                'num_classes of the heads, or metainfo.classes and '
                'metainfo.palette of both parts')
        self.names: Sequence[str] = names
        self.colours = colours(palette)

    def due(self, runner: Runner) -> bool:
        """Whether this process draws this iteration."""
        return super().due(runner) and is_main_process()

    def report(self, runner: Runner, step: PseudoLabelStep,
               data_batch: dict) -> None:
        """Draw the first images of the batch."""
        maps = self._maps(step)
        if self.hidden_masks:
            maps['mask'] = self.masks.read(
                runner.iter, data_batch, step.valid.shape[2:])
        cam = 'Grad-CAM' if step.image_labels is None else 'Grad-CAM, tags'
        arrays = {name: one.cpu().numpy() for name, one in maps.items()}
        views = [packed_images(data_batch, view)
                 for view in ('weak', 'strong')]
        for k, pair in enumerate(zip(*views)):
            if k == self.num_images:
                break
            picture = self._draw(
                [to_rgb(view) for view in pair],
                {name: array[k] for name, array in arrays.items()}, cam)
            runner.visualizer.add_image(
                f'pseudo_label_{k}', picture, step=runner.iter + 1)

    def _maps(self, step: PseudoLabelStep) -> Dict[str, Tensor]:
        """What is drawn beside the views, each (N, H, W) at their size."""
        size = step.valid.shape[2:]

        def enlarge(values: Tensor, mode: str) -> Tensor:
            smooth = self.model.align_corners if mode == 'bilinear' else None
            return resize(
                values.float(), size, mode=mode, align_corners=smooth)[:, 0]

        label = step.label * step.weight
        # Classes as L_u sees them: at the label's size, not smoothed.
        maps = {
            name: enlarge(values.argmax(1, keepdim=True), 'nearest').byte()
            for name, values in self.scores(step).items()
        }
        return dict(
            maps,
            cam=enlarge(step.sgc.cam.amax(1, keepdim=True), 'bilinear'),
            confidence=enlarge(label.amax(1, keepdim=True), 'nearest'))

    def _draw(self, views: List[np.ndarray], maps: Dict[str, np.ndarray],
              cam: str) -> np.ndarray:
        """One picture.

        Args:
            views (list[np.ndarray]): Weak and strong view, (h, w, 3), RGB.
            maps (dict[str, np.ndarray]): Of :meth:`_maps`, padded, (H, W).
            cam (str): Title of Grad-CAM.
        """
        height, width = views[0].shape[:2]
        maps = {name: one[:height, :width] for name, one in maps.items()}
        over = np.rint(0.35 * views[0] + 0.65 * heat(maps['cam']))
        tiles = {
            'weak view': fit(views[0], flat=False),
            'strong view': fit(views[1], flat=False),
            cam: fit(over.astype(np.uint8), flat=False)
        }
        flat = {name: maps[name] for name in FLAT if name in maps}
        for name, classes in flat.items():
            tiles[FLAT[name]] = fit(self.colours[classes], flat=True)
        tiles['confidence'] = fit(heat(maps['confidence']), flat=True)
        return panel(tiles, self._entries(list(flat.values())))

    def _entries(
            self,
            maps: List[np.ndarray]) -> List[Tuple[str, Sequence[int]]]:
        """Names and colours of the classes that occur."""
        occur = set(np.unique(np.concatenate([m.ravel() for m in maps])))
        entries: List[Tuple[str, Sequence[int]]] = [
            (self.names[c], self.colours[c].tolist())
            for c in sorted(occur - {IGNORE})
        ]
        if IGNORE in occur:
            entries.append(('ignored', IGNORE_COLOUR))
        return entries
