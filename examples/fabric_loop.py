"""Lightning Fabric: the closure form goes through `fabric.setup`'s optimizer as it stands."""

import torch
from lightning_fabric import Fabric
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import sssam

EPOCHS = 10

torch.manual_seed(0)
fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
train = TensorDataset(x[:1400], y[:1400])
loader = fabric.setup_dataloaders(DataLoader(train, batch_size=64, shuffle=True))
net = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10))
base = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
total_steps = EPOCHS * len(loader)
ramp = sssam.schedules.linear(0, 1)
sharp = sssam.SSSAM(base, schedule=ramp, total_steps=total_steps, model=net)
model, optimizer = fabric.setup(net, sharp)

for _ in range(EPOCHS):
    for inputs, targets in loader:

        def closure(inputs: Tensor = inputs, targets: Tensor = targets) -> Tensor:
            optimizer.zero_grad()
            loss = cross_entropy(model(inputs), targets)
            fabric.backward(loss)
            return loss

        optimizer.step(closure)

model.eval()
accuracy = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
print(f"accuracy {accuracy:.3f}, {sharp.propagations:.2f} propagations a step")
