"""The commands, by what they are for. Each collects input and calls a function of its own file in ui/."""
