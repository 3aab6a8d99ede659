"""Accelerate: the two lines after backward(), with gradient accumulation, clipping, a schedule."""

import torch
from accelerate import Accelerator
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, TensorDataset

import sssam

EPOCHS, MICRO = 10, 2

torch.manual_seed(0)
accelerator = Accelerator(cpu=True, gradient_accumulation_steps=MICRO, mixed_precision="bf16")
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=32, shuffle=True)
net = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10))
base = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
ramp, total_steps = sssam.schedules.linear(0, 1), EPOCHS * (len(loader) // MICRO)
built = sssam.SSSAM(base, schedule=ramp, total_steps=total_steps, model=net)
cosine = CosineAnnealingLR(built, total_steps)
model, optimizer, loader, scheduler = accelerator.prepare(net, built, loader, cosine)
sharp, scaler = sssam.unwrap(optimizer), accelerator.scaler  # the proxy has no ascend()

for _ in range(EPOCHS):
    parts = []
    for inputs, targets in loader:
        parts.append((inputs, targets))
        with accelerator.accumulate(model):
            accelerator.backward(cross_entropy(model(inputs), targets))
            if accelerator.sync_gradients:
                if sharp.ascend(scaler=scaler):
                    for a, b in parts:  # the second pass is over all of the step's micro-batches
                        accelerator.backward(cross_entropy(model(a), b))
                sharp.conclude(scaler=scaler)  # so that the clip sees what the base gets
                accelerator.clip_grad_norm_(model.parameters(), 1.0)
                parts = []
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()

model.eval()
accuracy = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
print(f"accuracy {accuracy:.3f}, {sharp.propagations:.2f} propagations a step")
