from src.experiment.record import hyperparameters


def test_hyperparameters_are_flat_and_plain() -> None:
    config = {
        "seed_everything": 1,
        "data": {
            "class_path": "src.data.MNISTDataModule",
            "init_args": {"batch_size": 100, "num_workers": 2},
        },
        "model": {
            "class_path": "src.tasks.ClassificationTask",
            "init_args": {
                "optimizer": {
                    "class_path": "torch.optim.Adam",
                    "init_args": {"betas": [0.9, 0.99]},
                },
                "scheduler": None,
            },
        },
        "trainer": {
            "max_epochs": 2,
            "max_steps": -1,
            "precision": None,
            "accumulate_grad_batches": 1,
            "devices": "auto",
        },
        "best": {"monitor": "val/acc"},
    }
    assert hyperparameters(config) == {
        "data": "src.data.MNISTDataModule",
        "data.batch_size": 100,
        "model": "src.tasks.ClassificationTask",
        "model.optimizer": "torch.optim.Adam",
        "model.optimizer.betas": "[0.9, 0.99]",
        "seed_everything": 1,
        "trainer.accumulate_grad_batches": 1,
        "trainer.max_epochs": 2,
        "trainer.max_steps": -1,
    }
