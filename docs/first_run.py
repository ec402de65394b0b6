# %% [markdown]
# # A first run
# Vision Mamba tiny at 224 x 224 on the ViM-Q accelerator as its RTL was simulated: an ideal memory behind every port.
# This page is `docs/first_run.py`, executed by `python docs/render.py docs/first_run.py`.
# %%
import tlm

result = tlm.run("zcu102-rtl", model="tiny", resolution=224)
print(result)
print(result.bottleneck)
# %% [markdown]
# Tables are lists of flat maps: `pandas.DataFrame(result.calls)` takes them as they are. In a notebook, `result`
# alone shows itself as HTML.
# %%
for row in result.engines:
    print(f"{row['engine']:10} {row['calls']:4} calls {row['busy_cycles']:10,} cycles {row['share']:6.1%}")
# %% [markdown]
# Cycles of each kind of call, how many of them its busiest stage works, and what it waits for:
# %%
for row in result.calls[:5]:
    each = row["cycles"] // row["calls"]
    print(f"{row['kind']:18} {each:8,} cycles a call, compute {row['compute_cycles'] / row['cycles']:6.1%}")
# %% [markdown]
# Every single call is there too, with its simulated time. The first of layer 0:
# %%
for row in [row for row in result.spans if row["layer"] == 0][:4]:
    print(f"{row['start_ms']:7.3f} to {row['end_ms']:7.3f} ms  {row['engine']:9} {row['name']}")
# %% [markdown]
# Energy by cause, and the inputs with where each was written:
# %%
for row in result.energy[:3]:
    print(f"{row['action']:10} {row['energy_j'] * 1e3:7.1f} mJ")
for row in [row for row in result.inputs if row["key"].startswith("components.ssm.")][-3:]:
    print(f"{row['key']} = {row['value']} ({row['origin'].rpartition('/')[2]})")
