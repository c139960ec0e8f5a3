import signal

from lightning.pytorch.demos.boring_classes import BoringModel

from src.engine.exact.signals_compat import keep_handlers
from tests.bare_trainer import bare_trainer


class Watched(BoringModel):
    def on_train_start(self) -> None:
        self.heard = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def test_training_leaves_the_handlers_and_gives_them_back() -> None:
    def own(*_: object) -> None: ...

    before = signal.signal(signal.SIGTERM, own)
    try:
        module = Watched()
        trainer = bare_trainer(max_steps=1, limit_val_batches=0)
        keep_handlers(trainer)
        trainer.fit(module)
        assert module.heard is own
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)
