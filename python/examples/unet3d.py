"""Train a small 3-D U-Net to tell neurons from background, on crops of a FISBe data set.

    python unet3d.py fisbe/ [--steps 60] [--workers 0] [--checkpoint unet.pt]

It runs on a CPU in about a minute. With ``--checkpoint`` weights and the state of the data are saved in the end, and
another run goes on where the first one ended: no crop twice, none left out.
"""
from __future__ import annotations

import argparse
import os
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from micropq.torch import Batches


def block(channels: int, out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for c in (channels, out):
        layers += [nn.Conv3d(c, out, 3, padding=1), nn.GroupNorm(4, out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class UNet3D(nn.Module):
    """Three levels; extents of its input are multiples of 4."""

    def __init__(self, channels: int = 3, width: int = 8) -> None:
        super().__init__()
        self.down1, self.down2, self.bottom = block(channels, width), block(width, 2 * width), block(2 * width, 4 * width)
        self.up2, self.up1 = nn.ConvTranspose3d(4 * width, 2 * width, 2, 2), nn.ConvTranspose3d(2 * width, width, 2, 2)
        self.merge2, self.merge1 = block(4 * width, 2 * width), block(2 * width, width)
        self.head = nn.Conv3d(width, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.down1(x)
        b = self.down2(F.max_pool3d(a, 2))
        c = self.bottom(F.max_pool3d(b, 2))
        b = self.merge2(torch.cat([self.up2(c), b], 1))
        a = self.merge1(torch.cat([self.up1(b), a], 1))
        return self.head(a)


def loss_of(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross entropy and soft Dice: neurons are a small part of a crop."""
    p = torch.sigmoid(logits)
    dice = (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)
    return F.binary_cross_entropy_with_logits(logits, target) + 1 - dice


def train(dataset: str, steps: int = 60, workers: int = 0, size: tuple[int, int, int] = (32, 64, 64), batch: int = 2,
          checkpoint: str | None = None, seed: int = 1) -> list[float]:
    """Train for so many steps and return the loss of each."""
    torch.manual_seed(seed)
    data = Batches(
        dataset, arrays=["raw", "gt_instances"], size=size, batch=batch, seed=seed, epochs=-1,
        foreground=0.7,           # crops on a neuron, each neuron as likely
        range=(0, 1500),          # to 0 to 1, as FISBe pipelines do
        flip="ZYX", rotate=True,  # by the seed, images and labels alike
    )
    model = UNet3D()
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    if checkpoint and os.path.exists(checkpoint):
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        data.load_state_dict(saved["data"])
    losses: list[float] = []
    start = time.perf_counter()
    state = None
    for b in DataLoader(data, batch_size=None, num_workers=workers):
        target = (b["gt_instances"] > 0).float()[:, None]
        loss = loss_of(model(b["raw"]), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        state = b["state"]
        if len(losses) % 10 == 0:
            print(f"step {len(losses):4}  loss {sum(losses[-10:]) / 10:.4f}  {time.perf_counter() - start:.1f} s", flush=True)
        if len(losses) == steps:
            break
    if checkpoint:
        torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "data": state}, checkpoint)
    return losses


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dataset")
    p.add_argument("--steps", type=int, default=60)
    p.add_argument("--workers", type=int, default=0)
    p.add_argument("--checkpoint")
    a = p.parse_args()
    train(a.dataset, a.steps, a.workers, checkpoint=a.checkpoint)


if __name__ == "__main__":
    main()
