"""FINE: the model, and the blocks that it alone uses.

Deviations:
    Neither code nor the supplement is published; the paper gives no hyper-parameter at all.

    - place | the paper | here | why, and the alternative
    - Eqs. 6, 9 | MLPs | two-layer MLPs of width 128, one set per modality, on every token
    - Eqs. 7, 11 | the sum over k holds negatives alone | the positive is in the sum, and log n is added | the printed
      form is no bound (van den Oord et al. 2018)
    - Eqs. 7, 8, 10 | I(X_i; X_j) of sequences | of token means; mean over the three pairs, of I_utr over the three
      modalities | Eq. 3 sums; the scale is β_mi's
    - f* in Eqs. 8, 10 | "the optimal critic from I_NCE" | a critic for each pair and term (FactorCL's), trained by its
      InfoNCE on detached features (loss `critic`); the bound is taken with detached critics | FactorCL has a second
      optimiser; here one optimiser has disjoint paths of gradients and a group `critics`, whose rate is 1e-3 unless
      `optim.group_lr` names another: at 1e-4 they hardly learn. With a critic that lags behind, the bound may be
      negative: `club_clamp` takes 0 instead, `club_warmup` trains the critics alone for some epochs
    - Eqs. 10, 11 | conditional bounds, p(x|y) | the label's embedding (64) is concatenated to both sides, or is the
      other side; negatives are the rest of the batch | as in FactorCL. Equal labels in a batch are negatives of each
      other in I_utr. In I_str both sides carry one embedding, Y^str, so a critic that learns fast recognises pairs by
      it: the estimate then contains the label's own entropy, and minimising it would flatten the label's encoder. Y^str
      is therefore fixed at its random start; `learn_shared_label: true` trains it by the bound
    - L_recon | of "the original modality features X̂_m" | of the MoQ's output, token by token, with a gradient on both
      sides | X̂_m is Eq. 1's symbol for it
    - queue | "in the supplement" | FIFO of 64 for each rounded label (7 on [-3, 3], 5 on [-1, 1]), filled after each
      step | `queue`, `queue_classes`. With several processes all use the first one's queue
    - Eq. 13 | positives and negatives | positives have an equal label (`accon`) or an equal class (`scl`); negatives'
      angles get (1 − |Δy|/Δ_max) π; mean over anchors that have a positive; τ = 0.1 | ACCon's. Classes have no order:
      distance 0 or 1
    - Eq. 14 | λ, β unknown | λ_up = λ_cl = 0.1, λ_aux = 0.01, β_mi = 0.1 on each of the five terms | `loss_weights`; a
      part of the model whose loss has weight 0 is not built, and its loss is given as 0
"""
