"""Write golden files anew, after a change of arithmetic that is meant: python tests/golden/make.py [MODEL...]."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parents[1]))

from makers_models import batch, build, golden, small, specs
from sentiprism.models import MODELS, save_model

for name in sys.argv[1:] or MODELS:
    model, given = build(name, specs(), config=small(name)).eval(), batch(specs(), 4, seed=3)
    mask = given.vision.mask.clone()
    mask[1] = False  # one modality is missing in one sample
    given = given._replace(vision=given.vision._replace(mask=mask))
    with torch.no_grad():
        output = model(given)
    folder = Path(__file__).parent
    save_model(model, folder / name, {"golden": True})
    tensors = {
        f"input.{m}.{part}": getattr(getattr(given, m), part) for m in specs().present() for part in ("values", "mask")
    }
    tensors |= {"input.label": given.labels["M"], **golden(output)}
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / f"{name}.tensors.safetensors")
    print(f"{name}: written")
