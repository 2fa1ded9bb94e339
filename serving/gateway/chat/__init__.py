"""The OpenAI-compatible routes: chat, embeddings, models; with the guard's key, under its policy, budgets and ledger."""
