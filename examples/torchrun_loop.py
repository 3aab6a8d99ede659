"""DDP under torchrun: told to stop, all ranks stop after the same step; a new start goes on there.

`torchrun --nproc-per-node 2 examples/torchrun_loop.py digits.pt`, and the same command once more.
"""

import os
import signal
import sys

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

import sssam

STEPS, BATCH, FILE = 220, 64, sys.argv[1]
received: list[int] = []
for number in (signal.SIGTERM, signal.SIGINT):  # torchrun passes both on, and waits for 30 seconds
    signal.signal(number, lambda number, _: received.append(number))

torch.manual_seed(0)
dist.init_process_group("gloo")
rank, ranks, stop = dist.get_rank(), dist.get_world_size(), torch.zeros(())
x, y = map(torch.tensor, load_digits(return_X_y=True))
net = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10)).double()
model = nn.parallel.DistributedDataParallel(net)
base, ramp = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9), sssam.schedules.linear(0, 1)
optimizer = sssam.SSSAM(base, schedule=ramp, total_steps=STEPS, model=model)
if os.path.exists(FILE):
    saved = sssam.load(FILE)
    net.load_state_dict(saved["net"])
    optimizer.load_state_dict(saved["optimizer"])

while optimizer.steps < STEPS and not stop:
    order = torch.Generator().manual_seed(optimizer.steps)
    mine = torch.randperm(1400, generator=order)[rank:BATCH:ranks]
    for p in optimizer.passes((x[mine] / 16, y[mine])):
        p.backward(cross_entropy(model(p.x), p.y))
    optimizer.step()
    stop.fill_(len(received))
    dist.all_reduce(stop)  # a signal reaches each rank in its own time
    if rank == 0 and (stop or optimizer.steps % 50 == 0 or optimizer.steps == STEPS):
        sssam.save(FILE, net=net, optimizer=optimizer)

if rank == 0:
    accuracy = (net.eval()(x[1400:] / 16).argmax(1) == y[1400:]).double().mean().item()
    print(f"accuracy {accuracy:.3f}, {optimizer.propagations:.2f} propagations a step")
dist.barrier()
dist.destroy_process_group()
