"""What calls of language models have used, and the budgets of keys and projects."""
