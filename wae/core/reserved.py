"""Names of the suite's own scores, columns and rows: nothing of a user's is averaged with them or takes their place."""

FAMILIES = ("fid", "kid", "precision", "recall", "density", "coverage", "classes")  # FAMILY_EXTRACTOR
PREFIXES = tuple(f"{family}_" for family in (*FAMILIES, "training"))
ENDINGS = ("_curve", "_half", "_infinity", "_bound", "_p")  # of scores that tables leave out or read otherwise
OF_IMAGES = ("sharpness",)  # of samples from the prior and the mixture, and of reconstructions, as FAMILIES are
OF_PRIOR = ("parzen", "parzen_error", "parzen_sigma")  # of samples from the prior alone
LIKELIHOODS = ("elbo", "nll_iw", "nll_iw_error")
INFORMATION = ("mutual_information", "mutual_information_bound", "kl_total", "kl_aggregate")
OF_RECONSTRUCTIONS = ("mse", "l1", "psnr", "ssim", "sse", "sse_of_pca", *LIKELIHOODS)
OF_NORMAL_CODES = (  # of codes whose prior is normal
    *("latent_radius", "latent_mardia_skewness", "latent_mardia_kurtosis"),
    *("latent_mardia_skewness_batch", "latent_mardia_kurtosis_batch"),
)
OF_CODES = (
    *("latent_sw2_debiased", "latent_energy", "latent_c2st", "active_units", "inactive_share", *OF_NORMAL_CODES),
    *("latent_mmd2", "latent_mmd_p", "latent_sw2", "latent_mean_error", "latent_sd_ratio_min", "latent_sd_ratio_max"),
    *("latent_direction_sd_min", "latent_direction_sd_max"),
    *("latent_skewness", "latent_kurtosis", "latent_correlation"),
    *INFORMATION,
)
METRICS = (*OF_IMAGES, *OF_PRIOR, *OF_RECONSTRUCTIONS, *OF_CODES)
WITHOUT_DIRECTION = (*OF_IMAGES, *OF_PRIOR)  # measures of prior samples of which neither way is better
HISTORY = (  # the columns of history.csv that every method has
    *("epoch", "step", "learning_rate", "lambda_", "loss", "reconstruction", "penalty", "penalty_gradient", "seconds"),
)
METHODS = ("real_data",)  # the rows of the data themselves
