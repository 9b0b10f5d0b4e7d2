"""Names that the suite's own scores and rows have, so that nothing of a user's is averaged with them."""

FAMILIES = ("fid", "kid", "precision", "recall", "density", "coverage", "classes")  # FAMILY_EXTRACTOR
METRICS = (
    *("mse", "l1", "psnr", "ssim", "sharpness"),
    *("latent_mmd2", "latent_mmd_p", "latent_sw2", "latent_mean_error", "latent_sd_ratio_min", "latent_sd_ratio_max"),
    *("latent_skewness", "latent_kurtosis", "latent_correlation"),
    *("mutual_information", "mutual_information_bound", "kl_total", "kl_aggregate"),
)
METHODS = ("real_data",)  # the rows of the data themselves
