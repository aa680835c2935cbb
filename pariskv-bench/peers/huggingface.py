"""A decode step of Hugging Face transformers: Llama-3.1-8B's shape, random weights, 131,072 tokens of K and V."""

import time

import torch

from linear import Sizes
from measure import Skip, fields

SHAPE = "llama-3.1-8b"
METHOD = "hf-transformers"
HEAD_DIM = 128
SECONDS = 12  # of timed steps, each attention


def measure(machine):
    context = 512 if machine.dry else 131_072
    made = {}
    for attention in ("sdpa", "eager"):
        what = "model decode step" if attention == "sdpa" else "model decode step, eager attention"
        machine.figure(what, METHOD, SHAPE, lambda: _step(machine, made, attention, context), context)


def _step(machine, made, attention, context):
    try:
        import transformers
    except ImportError as e:
        raise Skip(f"transformers cannot be imported: {e}") from e
    sizes = Sizes(machine.dry)
    if not made:
        made["model"] = _model(transformers, machine, sizes, context)
    model = made["model"]
    _attend_by(model, attention)
    cache = _filled_cache(transformers, machine, model, sizes, context)
    token = torch.zeros(1, 1, dtype=torch.long, device=machine.device)

    def step(_):
        # Positions and the mask follow from the cache's length. A step copies K and V to append to them: that is what a
        # DynamicCache does, and most of the time.
        model(input_ids=token, past_key_values=cache, use_cache=True)

    step(0)
    machine.synchronize()
    start = time.perf_counter()
    step(0)
    machine.synchronize()
    replays = max(5, min(30, int(SECONDS / (time.perf_counter() - start))))
    timing = machine.time(step, replays=replays, graph=False)
    held = cache.get_seq_length()
    if held < context + replays:
        raise RuntimeError(f"the cache holds {held} tokens after {replays} steps from {context}: it was not used")
    moved = sizes.weight_bytes() + 2 * 2 * sizes.layers * context * sizes.kv
    return fields(timing, moved, note=f"transformers {transformers.__version__}, DynamicCache, run eagerly; bytes: weights, K and V once",
                  variant=f"{attention} attention")


def _model(transformers, machine, sizes, context):
    head_dim = min(HEAD_DIM, sizes.kv)
    config = transformers.LlamaConfig(
        hidden_size=sizes.hidden, intermediate_size=sizes.intermediate, num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.hidden // head_dim, num_key_value_heads=sizes.kv // head_dim,
        vocab_size=sizes.vocabulary, max_position_embeddings=context + 4_096, tie_word_embeddings=False, use_cache=True)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with machine.device:  # made where it is used: on the host it takes minutes
            model = transformers.LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(before)
    return model.to(device=machine.device, dtype=torch.bfloat16).eval()


def _attend_by(model, attention):
    """Public since transformers 4.48; before, the configuration was read by every layer."""
    if hasattr(model, "set_attn_implementation"):
        model.set_attn_implementation(attention)
    else:
        model.config._attn_implementation = attention
    if model.config._attn_implementation != attention:
        raise RuntimeError(f"attention is {model.config._attn_implementation}, not {attention}")


def _filled_cache(transformers, machine, model, sizes, context):
    """`context` tokens of random K and V, without a prefill."""
    try:
        cache = transformers.DynamicCache(config=model.config)
    except TypeError:  # transformers 4
        cache = transformers.DynamicCache()
    heads = model.config.num_key_value_heads
    for layer in range(sizes.layers):
        shape = (1, heads, context, sizes.kv // heads)
        cache.update(machine.random(*shape), machine.random(*shape), layer)
    return cache
