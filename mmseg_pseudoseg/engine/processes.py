"""How a process of a distributed run ends."""

import gc

from torch import distributed
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter


def leave_process_group() -> None:
    """End the communication threads of this process, if it has any.

    MMEngine leaves the process group open. A thread of gloo that still holds
    the tensor of the last collective then asks for the interpreter's lock
    while the interpreter shuts down, and the process aborts ("terminate
    called without an active exception", exit code -6) after its work is
    done: about one run in seven of a short script on torch 2.13. The
    group's threads are joined when nothing refers to it any more, so call
    this after the last reference to the Runner or its model is gone.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return
    # Collected together with their queues, the loaders' workers never hear of
    # the end, and are waited for 5 s each.
    for one in gc.get_objects():
        if type(one) is _MultiProcessingDataLoaderIter:
            one._shutdown_workers()
    distributed.destroy_process_group()
    gc.collect()  # the Runner and its distributed wrapper are in cycles
