"""Small random networks of speech and pictures, saved as the real ones are: only their weights mean nothing."""

from pathlib import Path
from typing import Any

import torch

WAVES = {"hubert": "Hubert", "wav2vec2": "Wav2Vec2", "wavlm": "WavLM", "data2vec-audio": "Data2VecAudio"}
PICTURES = ("clip", "deit", "dinov2", "siglip", "swin", "vit")
LAYERS, WIDTH = 3, 32


def save_network(folder: Path, kind: str, **more: Any) -> Path:
    """A network of an architecture with what prepares its input; ``more`` goes into its configuration."""
    torch.manual_seed(0)
    (_waves if kind in WAVES else _whisper if kind == "whisper" else _pictures)(folder, kind, more)
    return folder


def _waves(folder: Path, kind: str, more: dict[str, Any]) -> None:
    import transformers

    size = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "intermediate_size": 48}
    convolutions = {"conv_dim": (16,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
    config = getattr(transformers, f"{WAVES[kind]}Config")(**size, **convolutions, **more)
    getattr(transformers, f"{WAVES[kind]}Model")(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)


def _whisper(folder: Path, kind: str, more: dict[str, Any]) -> None:
    """Reads 4 s at once."""
    import transformers

    size = {"d_model": WIDTH, "encoder_layers": LAYERS, "decoder_layers": 1, "vocab_size": 60, "num_mel_bins": 80}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48}
    marks = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id"), 1)
    config = transformers.WhisperConfig(max_source_positions=200, **size, **heads, **marks, **more)
    transformers.WhisperModel(config).save_pretrained(folder)
    transformers.WhisperFeatureExtractor(chunk_length=4).save_pretrained(folder)


def _pictures(folder: Path, kind: str, more: dict[str, Any]) -> None:
    import transformers
    from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    size = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "intermediate_size": 48}
    picture = {"image_size": 32, "patch_size": 8, **size, **more}
    whole = {"height": 32, "width": 32}
    if kind in {"clip", "siglip"}:
        text = {**size, "vocab_size": 60, "projection_dim": 16}
        name = "CLIP" if kind == "clip" else "Siglip"
        config = getattr(transformers, f"{name}Config")(text_config=text, vision_config=picture)
        getattr(transformers, f"{name}Model")(config).save_pretrained(folder)
        if kind == "siglip":
            SiglipImageProcessorPil(size=whole).save_pretrained(folder)
        else:
            CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=whole).save_pretrained(folder)
    elif kind == "dinov2":
        transformers.Dinov2Model(transformers.Dinov2Config(**picture)).save_pretrained(folder)
        BitImageProcessorPil(size={"shortest_edge": 32}, crop_size=whole).save_pretrained(folder)
    elif kind == "swin":
        stages = {"embed_dim": WIDTH // 2, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4}
        config = transformers.SwinConfig(image_size=32, patch_size=4, **stages, **more)
        transformers.SwinModel(config).save_pretrained(folder)
        ViTImageProcessorPil(size=whole).save_pretrained(folder)
    elif kind == "deit":
        transformers.DeiTModel(transformers.DeiTConfig(**picture)).save_pretrained(folder)
        ViTImageProcessorPil(size=whole).save_pretrained(folder)
    else:
        transformers.ViTModel(transformers.ViTConfig(**picture)).save_pretrained(folder)
        ViTImageProcessorPil(size=whole).save_pretrained(folder)
