"""Export saved models for programs without torch: an ONNX graph with its tokenizer, calibration, card and runner."""
