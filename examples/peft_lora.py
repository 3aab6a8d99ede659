"""Adapters of PEFT: SS-SAM moves and trains LoRA's matrices alone, and the rest stays frozen.

A small network that reads digits learns to read them upside down. `sssam.FlatLoRA` in the place of
`SSSAM` has noise on the merged weights instead (docs/integrations.md).
"""

import torch
from peft import LoraConfig, get_peft_model
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import sssam

EPOCHS = 15

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
order = torch.randperm(len(x))
x, y = torch.tensor(x / 16, dtype=torch.float32)[order], torch.tensor(y)[order]
known, turned = x[:700], x.flip(1)
net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU())
net.append(nn.Linear(128, 10))
adam = torch.optim.AdamW(net.parameters(), lr=3e-3)
for _ in range(100):  # the network that is adapted: it knows digits the right way up
    cross_entropy(net(known), y[:700]).backward()
    adam.step()
    adam.zero_grad()

model = get_peft_model(net, LoraConfig(r=8, target_modules=["0", "2", "4"]))
loader = DataLoader(TensorDataset(turned[700:1400], y[700:1400]), batch_size=32, shuffle=True)
optimizer = sssam.SSSAM(
    torch.optim.AdamW(model.parameters(), lr=1e-2),
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

accuracy = (model(turned[1400:]).argmax(1) == y[1400:]).float().mean().item()
print(f"accuracy {accuracy:.3f}, {optimizer.propagations:.2f} propagations a step")
