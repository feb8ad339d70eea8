"""A network that is trained three times: by programs of two engines, and by a loop over its own Tensors."""

import numpy as np

import cutaway as ct


def trained_alike(network, X, y, threads):
    """Train it on both engines and in a plain loop; the weights must agree. Gives the three networks."""
    nets = [network().init(0).astype("float64") for _ in range(3)]
    for net, engine in zip(nets, ("cpu", "reference"), strict=False):
        ct.fit(net, X, y, optimizer=ct.optim.SGD(0.1), epochs=3, batch_size=64, shuffle=False, engine=engine,
               threads=threads)
    opt = ct.optim.SGD(0.1)
    state = opt.init(nets[2].theta)
    for _ in range(3):
        ct.losses.mse(nets[2](X), y).backward()
        nets[2].theta[:], state = opt.update(nets[2].theta, nets[2].grad, state)
        nets[2].zero_grad()
    for net in nets[:2]:
        np.testing.assert_allclose(net.theta, nets[2].theta, rtol=1e-9, atol=1e-12)
    return nets
