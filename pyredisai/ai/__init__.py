"""The values of RedisAI: tensors, models, scripts and their statistics. They know nothing of the rest."""
