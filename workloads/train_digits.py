"""Trains the digits model that ships in workloads/data.

Usage: `python -m workloads.train_digits [--seed N] [--epochs N] [--out FILE]`. One CPU core is enough; the
same seed and the same torch give the same weights.
"""

import argparse
import time
from math import cos, pi
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  torch's own convention

from workloads.vim import digits
from workloads.vim.checkpoint import save_checkpoint
from workloads.vim.model import VisionMamba, random_model


def jitter(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shifts (8 % of the side), turns (12 degrees), scales (12 %) and shears images at random."""
    n = len(images)

    def draw(bound: float) -> Tensor:
        return torch.empty(n).uniform_(-bound, bound, generator=generator)

    angle, scale_x, scale_y = draw(12 * pi / 180), 1 + draw(0.12), 1 + draw(0.12)
    rows = [
        torch.stack([scale_x * angle.cos(), -angle.sin() + draw(0.1), draw(0.16)], 1),
        torch.stack([angle.sin(), scale_y * angle.cos(), draw(0.16)], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def train(seed: int = 0, epochs: int = 50, batch: int = 63, rate: float = 2e-3) -> VisionMamba:
    """A trained digits model. The test part is not looked at."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    images, labels = (torch.from_numpy(part) for part in digits.load("train"))
    model = random_model(digits.CONFIG, seed).train()
    decayed = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate)
    steps, warm = epochs * (len(images) // batch), 50
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda k: min(1, (k + 1) / warm) * (0.01 + 0.99 * (1 + cos(pi * k / steps)) / 2)
    )
    start = time.perf_counter()
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(images), generator=generator).split(batch):
            if len(chosen) < batch:
                continue
            logits = model(jitter(images[chosen], generator))
            loss = F.cross_entropy(logits, labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
        mean, seconds = total / (len(images) // batch), time.perf_counter() - start
        print(f"epoch {epoch + 1}/{epochs} loss {mean:.4f} {seconds:.0f} s", flush=True)
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--out", type=Path, default=digits.CHECKPOINT)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = train(args.seed, args.epochs)
    images, labels = (torch.from_numpy(part) for part in digits.load("test"))
    with torch.no_grad():
        right = (model(images).argmax(1) == labels).double().mean().item()
    save_checkpoint(args.out, model)
    size = args.out.stat().st_size
    print(f"test top-1 {100 * right:.2f} % of {len(labels)}; wrote {args.out} ({size} bytes)")


if __name__ == "__main__":
    main()
