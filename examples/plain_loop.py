"""A loop of one's own on scikit-learn's digits: SS-SAM is the two lines after backward()."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import sssam

EPOCHS = 10

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=64, shuffle=True)
model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10))
optimizer = sssam.SSSAM(
    torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
    schedule=sssam.schedules.linear(0, 1),
    total_steps=EPOCHS * len(loader),
    model=model,
)

for _ in range(EPOCHS):
    for inputs, targets in loader:
        cross_entropy(model(inputs), targets).backward()
        if optimizer.ascend():
            cross_entropy(model(inputs), targets).backward()
        optimizer.step()
        optimizer.zero_grad()

model.eval()
accuracy = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
print(f"accuracy {accuracy:.3f}, {optimizer.propagations:.2f} propagations a step")
