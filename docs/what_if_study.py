# %% [markdown]
# # A what-if study
# Where do 53.75 ms go, and what would make them fewer? Each question is one changed key of the platform; the same
# can be asked on the command line: `python -m tlm compare zcu102-published --set components.ssm.lanes=16 --set ...`.
# This page is `docs/what_if_study.py`, executed by `python docs/render.py docs/what_if_study.py`.
# %%
import tlm

today = tlm.run("zcu102-published")
print(today.bottleneck)
# %% [markdown]
# Twice the lanes in the scan, which is bound by its compute. They take multipliers and registers, which draw energy.
# %%
lanes = tlm.run("zcu102-published", overrides=["components.ssm.lanes=16"])
print(tlm.compare(today, lanes))
# %% [markdown]
# The narrow projections, 384 to 16, hardly compute: the FIFO of token scales holds them up. With three places
# instead of two:
# %%
fifo = tlm.run("zcu102-published", overrides=["components.linear.scale_fifo=3"])
print(tlm.compare(today, fifo))
# %% [markdown]
# A larger buffer than the model needs costs block RAM and buys nothing. What changes nothing at all, as a buffer that
# is rounded up to the same blocks, is said to have changed nothing:
# %%
for key in ("components.conv.max_features=4096", "components.smooth.max_features=800"):
    print(tlm.compare(today, tlm.run("zcu102-published", overrides=[key])))
# %% [markdown]
# A tile of 32 would buy about as much as more lanes. The chip has hardly room for it, and four times the cells draw
# energy whether the engine works or not:
# %%
tile = tlm.run("zcu102-published", overrides=["components.linear.tile=32"])
print(tlm.compare(today, tile))
for row in sorted(tile.resources, key=lambda row: -row["ff"])[:3]:
    print(f"{row['component']:8} {row['part']:16} {row['size']:24} {row['lut']:8,} LUT {row['ff']:8,} FF")
# %% [markdown]
# And a memory that answers after 64 cycles instead of at once. The flip reads each word by itself, eight in flight:
# %%
slower = tlm.run("zcu102-published", overrides=["components.memory.rlat=64 cycles"])
comparison = tlm.compare(today, slower)
print(comparison)
for row in comparison.movers[:3]:
    print(f"{row['kind']:18} {row['delta_ms']:+7.3f} ms, {row['from_bound']} -> {row['to_bound']}")
# %% [markdown]
# All of the better ideas together:
# %%
best = tlm.run("zcu102-published", overrides=["components.ssm.lanes=16", "components.linear.scale_fifo=3"])
for result in (today, lanes, fifo, best):
    print(
        f"{result.latency_ms:7.3f} ms {result.energy_j:7.4f} J  {', '.join(result.overrides) or 'as it is'}"
    )
