"""The notebook that this project started from, on today's torch: softmax before cross-entropy."""

import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

from benchmarks.peers.outcome import report, words


class Network(nn.Module):
    """The network of the notebook, with its softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * 7 * 7, 512)
        self.fc2 = nn.Linear(512, 128)
        self.fc3 = nn.Linear(128, 10)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the probabilities."""
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(-1, 7 * 7 * 32)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return F.softmax(self.fc3(x), dim=1)


def main() -> None:
    """Train and report."""
    given = words()
    torch.manual_seed(given.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_set, test_set = (
        MNIST(given.data_dir, train=train, transform=ToTensor()) for train in (True, False)
    )
    train_loader = DataLoader(train_set, batch_size=given.batch_size)
    test_loader = DataLoader(test_set, batch_size=given.batch_size)
    model, loss_fn = Network().to(device), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    epochs_s = []
    for _ in range(given.epochs):
        since = time.perf_counter()
        for number, (image, label) in enumerate(train_loader):
            optimizer.zero_grad()
            outputs = model(image.to(device))
            loss = loss_fn(outputs, label.to(device))
            loss.backward()
            optimizer.step()
            if number % 100 == 0:
                print(number, ":", (outputs.argmax(1).cpu() == label).float().mean().item())
        epochs_s.append(time.perf_counter() - since)
    right = 0
    with torch.no_grad():
        for image, label in test_loader:
            right += int((model(image.to(device)).argmax(1).cpu() == label).sum())
    torch.save(model.state_dict(), "notebook.pt")
    report(len(train_set), epochs_s, sum(epochs_s), right / len(test_set))


if __name__ == "__main__":
    main()
