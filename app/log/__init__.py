"""The log of all events: a Merkle tree, its signed checkpoints, and the key that signs them."""
