# What libcompress_cuda.so is made of; tests/cuda_emulation compiles the same.
set(COMPRESS_CUDA_SOURCES
  fake_quantize.cpp fake_quantize.cu fake_quantize_backward.cu fake_quantize_multi.cpp fake_quantize_multi.cu
  fake_quantize_clip_mask.cpp fake_quantize_clip_mask.cu
  pack_mask.cpp pack_mask.cu
  unpack_mask.cpp unpack_mask.cu
  apply_mask.cpp apply_masks.cpp apply_mask.cu
  magnitude_mask.cpp magnitude_mask_multi.cpp magnitude_mask.cu
  magnitude_threshold.cpp magnitude_threshold.cu
  observe_ranges.cpp range_observation.cu observe_min_max.cpp observe_qparams.cpp
  observe_multi.cpp
  choose_qparams.cpp choose_qparams.cu
  fake_quantize_float.cpp fake_quantize_float.cu
  choose_float_scale.cpp choose_float_scale.cu
  nm_mask.cpp nm_mask.cu
  distillation_loss.cpp distillation_loss.cu)
