"""What data become questions: folders of classes, tables of questions, clips of mma-bench, Hugging Face folders."""
