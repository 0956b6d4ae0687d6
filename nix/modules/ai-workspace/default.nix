# Models on this machine: Ollama, and containers for training, inference and their data, with the graphics processor.
{imports = [./containers.nix ./ollama.nix];}
