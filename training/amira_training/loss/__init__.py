"""The losses: CTC, the simple and the pruned transducer loss (Kuang et al. 2022), distillation.

Written without k2, which has no build for current versions of torch; tests compare them with k2's.
"""
