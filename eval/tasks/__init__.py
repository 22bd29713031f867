"""Question files: the bundled packs' questions, and the reader for anyone's."""

from firmground.eval.tasks.load import Questions, load_questions, task_names

__all__ = ["Questions", "load_questions", "task_names"]
