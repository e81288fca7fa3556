//! Cut prompts against what must be left of them.
