#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "compress/data/options.h"

namespace compress::data {

/// From stored pixels to what a network sees: (pixel / white - mean) / stddev, per channel.
struct Normalization {
  double white = 255;          ///< the brightest stored value
  std::vector<double> mean;    ///< one per channel, of pixel / white over the training images
  std::vector<double> stddev;  ///< one per channel
};

/// Labelled images in memory. They stay uint8, a quarter of float32's memory (CIFAR-10: 150 MB instead of 600), and are
/// normalised batch by batch, which costs less than reading four times the bytes would.
struct Dataset {
  at::Tensor images;   ///< uint8 [N, C, H, W], contiguous, on the CPU, N >= 1
  at::Tensor targets;  ///< int64 [N], in [0, classes)
  int64_t classes = 0;
  Normalization normalization;

  int64_t size() const { return images.size(0); }
};

struct DatasetPair {
  Dataset train;
  Dataset test;
};

/// Reads the files of a data set from options.path. What is wrong with them is one line that names the file, and says
/// where a missing one comes from.
///
///            files                                            white  mean                    stddev
///   digits   digits.safetensors (scripts/prepare_digits.py)      16  0                       1
///   mnist    {train,t10k}-{images-idx3,labels-idx1}-ubyte       255  0.1307                  0.3081
///   cifar10  data_batch_{1..5}.bin, test_batch.bin              255  0.4914, 0.4822, 0.4465  0.2470, 0.2435, 0.2616
///
/// MNIST's and CIFAR-10's are the usual rounded statistics of the training images; Fashion-MNIST is read with MNIST's.
/// Digits stay in [0, 1]: on so small an image much of what a convolution sees is its padding, which then is background
/// (convnet of width 24, mean of 8 seeds: 99.5 %, against 99.3 % with mean and deviation normalised).
DatasetPair load_dataset(const DataOptions& options);

/// float32 [N, C, H, W] of uint8 [N, C, H, W], on the calling thread alone.
at::Tensor normalize(const at::Tensor& images, const Normalization& normalization);

}  // namespace compress::data
