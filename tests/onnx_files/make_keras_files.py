"""Write the .onnx files in `made/` that Keras and tf2onnx make: python make_keras_files.py (needs tensorflow)."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import tensorflow as tf
import tf2onnx
from keras import layers as kl
from slim import slim

FOLDER = Path(__file__).parent / "made"


def residual():
    x = keras.Input((6, 6, 2))
    a = kl.Activation("relu")(kl.BatchNormalization()(kl.Conv2D(4, 3, padding="same")(x)))
    b = kl.Add()([a, kl.SeparableConv2D(4, 3, padding="same", use_bias=False)(a)])
    return keras.Model(x, kl.Dense(3, activation="softmax")(kl.GlobalAveragePooling2D()(b)))


def two_inputs():
    x, y = keras.Input((4,), name="x"), keras.Input((3,), name="y")
    z = kl.Concatenate()([kl.Dense(5, "mish")(x), kl.Dense(4, "silu")(y)])
    return keras.Model([x, y], kl.Dense(2)(kl.Multiply()([z, kl.Dense(9, "sigmoid")(z)])))


def attention():
    x = keras.Input((5, 8))
    a = kl.LayerNormalization()(x + kl.MultiHeadAttention(2, 4)(x, x))
    return keras.Model(x, kl.Dense(2)(kl.GlobalMaxPooling1D()(a)))


def chain(shape, *parts, dtype=None):
    return keras.Sequential([keras.Input(shape, dtype=dtype), *parts])


MODELS = {
    "mlp": lambda: chain((4,), kl.Dense(8, "relu"), kl.Dropout(0.2), kl.Dense(8, "tanh"), kl.Dense(3)),
    "activations": lambda: chain((4,), kl.Dense(6, "selu"), kl.Dense(6, "elu"), kl.Dense(6), kl.LeakyReLU(0.2),
                                 kl.PReLU(), kl.Dense(6, "softplus"), kl.Dense(6, "hard_sigmoid"),
                                 kl.Dense(6, "softsign"), kl.Dense(2, "softmax")),
    "cnn": lambda: chain((8, 8, 3), kl.Conv2D(4, 3, strides=2, padding="same", activation="relu"), kl.MaxPooling2D(2),
                         kl.Flatten(), kl.Dense(5)),
    "cnn_kinds": lambda: chain((9, 9, 2), kl.DepthwiseConv2D(3, depth_multiplier=2), kl.BatchNormalization(),
                               kl.ReLU(6.0), kl.ZeroPadding2D(1), kl.Conv2D(4, 3, dilation_rate=2),
                               kl.AveragePooling2D(2, 2, "same"), kl.Flatten(), kl.Dense(2, "sigmoid")),
    "conv1d": lambda: chain((16, 3), kl.Conv1D(4, 5, padding="causal", activation="relu"), kl.MaxPooling1D(2),
                            kl.Conv1D(4, 3, strides=2), kl.GlobalAveragePooling1D(), kl.Dense(2)),
    "residual": residual,
    "two_inputs": two_inputs,
    "attention": attention,
    "words": lambda: chain((6,), kl.Embedding(11, 5), kl.GlobalAveragePooling1D(), kl.Dense(2), dtype="int32"),
    "normalised": lambda: chain((4,), kl.Rescaling(0.5, 0.1),
                                kl.Dense(4, "relu"), kl.LayerNormalization(), kl.Dense(1)),
    "rnn": lambda: chain((5, 3), kl.SimpleRNN(4), kl.Dense(2)),
    "lstm": lambda: chain((5, 3), kl.LSTM(4, return_sequences=True), kl.LSTM(4), kl.Dense(2)),
    "lstm_both": lambda: chain((5, 3), kl.Bidirectional(kl.LSTM(4)), kl.Dense(2)),
    "gru": lambda: chain((5, 3), kl.GRU(4), kl.Dense(2)),
    "gru_before": lambda: chain((5, 3), kl.GRU(4, reset_after=False), kl.Dense(2)),
    "lstm_each_step": lambda: chain((5, 3), kl.LSTM(4, return_sequences=True), kl.TimeDistributed(kl.Dense(2))),
}


#: Models that Keras' own export writes too; it calls tf2onnx, so a few show that.
BOTH = ("mlp", "cnn_kinds", "two_inputs", "attention", "words", "lstm", "lstm_both", "gru")


def randomised(model, name):
    keras.utils.set_random_seed(len(name))
    model = model()
    for w in model.weights:
        if "moving" in w.path or w.path.endswith("bias"):
            w.assign(abs(keras.random.normal(w.shape)) + 0.1)
    return model


def main(chosen):
    FOLDER.mkdir(exist_ok=True)
    for name in chosen or MODELS:
        keras.backend.clear_session()
        model = randomised(MODELS[name], name)
        for kind in ("keras", "tf2onnx") if name in BOTH else ("tf2onnx",):
            path = FOLDER / f"{kind}_{name}.onnx"
            try:
                if kind == "keras":
                    model([tf.zeros((2, *i.shape[1:]), i.dtype) for i in model.inputs] if len(model.inputs) > 1 else
                          tf.zeros((2, *model.inputs[0].shape[1:]), model.inputs[0].dtype))
                    model.export(str(path), format="onnx", verbose=False)
                else:
                    spec = [tf.TensorSpec((None, *i.shape[1:]), i.dtype, name=f"in{k}")
                            for k, i in enumerate(model.inputs)]
                    call = tf.function(lambda *x, model=model: model(x[0] if len(x) == 1 else list(x)), spec)
                    tf2onnx.convert.from_function(call, spec, opset=13, output_path=str(path))
            except Exception as reason:
                print(f"{kind} {name}: {type(reason).__name__}: {str(reason)[:300]}")
                continue
            slim(path)
            print(kind, name, path.stat().st_size, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
