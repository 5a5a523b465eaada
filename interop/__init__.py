"""Real programs beside ours: every suite here starts its peer itself and compares what both say."""
