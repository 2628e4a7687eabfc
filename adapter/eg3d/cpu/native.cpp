// Plane lookup, decoder and ray marching on a CPU, sixteen numbers at a time, a ray after the other in the first-level
// cache. Each function equals the PyTorch one that `adapter/eg3d/cpu/native.py` names, up to rounding.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <vector>

namespace {

using at::Tensor;

constexpr int LANES = 16;
typedef float Lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t Bits __attribute__((vector_size(4 * LANES)));

constexpr float COLOR_GAIN = 1.002f, COLOR_SHIFT = -0.001f;
// A sample that adds less than this share to its ray is not colored.
constexpr float SMALL_SHARE = 1e-7f;
// Smaller gradients of the density would become denormal numbers, which are slow.
constexpr float NEGLIGIBLE = 1e-20f;
constexpr int64_t RAYS_PER_TASK = 64, POINTS_PER_TASK = 2048;

inline Lanes load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

inline void store(float* to, Lanes lanes) { std::memcpy(to, &lanes, sizeof lanes); }

inline Lanes fill(float value) { return value - Lanes{}; }

inline Lanes larger(Lanes a, Lanes b) { return a > b ? a : b; }

inline float total(Lanes lanes) {
  float sum = 0;
  for (int lane = 0; lane < LANES; ++lane) sum += lanes[lane];
  return sum;
}

// exp(x) of x <= 0: two to a whole power, times a polynomial.
inline Lanes exp_of_negative(Lanes x) {
  // What is not a number stays so, or a run that diverged would not be noticed.
  x = x < -87.f ? fill(-87.f) : x;
  const Lanes shifted = x * 1.44269504f + 12582912.f;
  const Lanes whole = shifted - 12582912.f;
  const Lanes rest = (x - whole * 0.693359375f) - whole * -2.12194440e-4f;
  Lanes sum = fill(1.9875691500e-4f);
  sum = sum * rest + 1.3981999507e-3f;
  sum = sum * rest + 8.3334519073e-3f;
  sum = sum * rest + 4.1665795894e-2f;
  sum = sum * rest + 1.6666665459e-1f;
  sum = sum * rest + 5.0000001201e-1f;
  sum = sum * rest * rest + rest + 1.f;
  const Bits power = (__builtin_convertvector(whole, Bits) + 127) << 23;
  Lanes scale;
  std::memcpy(&scale, &power, sizeof scale);
  return sum * scale;
}

// log(1 + x) of 0 <= x <= 1, as 2 artanh(x / (2 + x)).
inline Lanes log_of_one_plus(Lanes x) {
  const Lanes ratio = x / (x + 2.f), square = ratio * ratio;
  Lanes sum = fill(1.f / 13);
  sum = sum * square + 1.f / 11;
  sum = sum * square + 1.f / 9;
  sum = sum * square + 1.f / 7;
  sum = sum * square + 1.f / 5;
  sum = sum * square + 1.f / 3;
  sum = sum * square + 1.f;
  return 2.f * ratio * sum;
}

struct Softplus {
  Lanes value, slope;
};

inline Softplus softplus(Lanes x) {
  const Lanes small = exp_of_negative(x > 0.f ? -x : x);
  return {larger(x, Lanes{}) + log_of_one_plus(small), (x > 0.f ? fill(1.f) : small) / (small + 1.f)};
}

inline Lanes sigmoid(Lanes x) {
  const Lanes small = exp_of_negative(x > 0.f ? -x : x);
  return (x > 0.f ? fill(1.f) : small) / (small + 1.f);
}

// Rows of `In` numbers times a matrix [In, Out], handed over a row at a time as `Out / LANES` vectors.
template <int In, int Out, class Then>
inline void multiply(const float* x, int64_t rows, const float* matrix, const float* bias, Then then) {
  constexpr int PARTS = Out / LANES, TOGETHER = PARTS > 2 ? 2 : 4;
  for (int64_t row = 0; row < rows; row += TOGETHER) {
    // The last rows are computed twice rather than apart.
    const int64_t first = rows < TOGETHER ? 0 : std::min(row, rows - TOGETHER);
    const int64_t count = std::min<int64_t>(TOGETHER, rows);
    Lanes sums[TOGETHER][PARTS];
#pragma GCC unroll 8
    for (int r = 0; r < TOGETHER; ++r)
#pragma GCC unroll 8
      for (int p = 0; p < PARTS; ++p) sums[r][p] = bias ? load(bias + p * LANES) : Lanes{};
    const float* from[TOGETHER];
    for (int r = 0; r < TOGETHER; ++r) from[r] = x + (first + std::min<int64_t>(r, count - 1)) * In;
    for (int i = 0; i < In; ++i) {
#pragma GCC unroll 8
      for (int p = 0; p < PARTS; ++p) {
        const Lanes weights = load(matrix + i * Out + p * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < TOGETHER; ++r) sums[r][p] += from[r][i] * weights;
      }
    }
    for (int r = 0; r < count; ++r) then(first + r, sums[r]);
  }
}

// A matrix [Left, Right] += the sum over rows of left times right.
template <int Left, int Right>
inline void add_products(const float* left, const float* right, int64_t rows, float* matrix) {
  constexpr int PARTS = Right / LANES, TOGETHER = PARTS > 2 ? 2 : 4;
  for (int first = 0; first < Left; first += TOGETHER) {
    Lanes sums[TOGETHER][PARTS] = {};
    for (int64_t row = 0; row < rows; ++row) {
#pragma GCC unroll 8
      for (int p = 0; p < PARTS; ++p) {
        const Lanes values = load(right + row * Right + p * LANES);
#pragma GCC unroll 8
        for (int l = 0; l < TOGETHER; ++l) sums[l][p] += left[row * Left + first + l] * values;
      }
    }
    for (int l = 0; l < TOGETHER; ++l)
      for (int p = 0; p < PARTS; ++p) {
        float* to = matrix + (first + l) * Right + p * LANES;
        store(to, load(to) + sums[l][p]);
      }
  }
}

using Tensors = std::vector<Tensor>;

struct Weights {
  Tensor hidden, hidden_across, hidden_bias, density, color, color_across, color_bias;
  float density_bias;
};

Weights prepare(const Tensors& w) {
  return {w[0].contiguous(), w[0].t().contiguous(), w[1].contiguous(), w[2].contiguous(),
          w[4].contiguous(), w[4].t().contiguous(), w[5].contiguous(), w[3].item<float>()};
}

inline const float* numbers(const Tensor& tensor) { return tensor.data_ptr<float>(); }

// What one ray needs on its way forward and backward, kept by its thread.
template <int C, int H, int F>
struct Ray {
  int64_t samples, padded;
  std::vector<float> hidden, slope, density, alpha, steepness, passed, interval, share, grad_share;
  std::vector<float> sigmoid, grad_logits, grad_hidden;

  explicit Ray(int64_t s) : samples(s), padded((s + LANES - 1) / LANES * LANES) {
    for (auto* many : {&hidden, &slope, &grad_hidden}) many->resize(s * H);
    for (auto* many : {&sigmoid, &grad_logits}) many->resize(s * F);
    for (auto* many : {&density, &alpha, &steepness, &passed, &interval, &share, &grad_share})
      many->resize(padded + LANES);
  }

  void decode(const float* features, const Weights& w) {
    const float *bias = numbers(w.hidden_bias), *to_density = numbers(w.density);
    multiply<C, H>(features, samples, numbers(w.hidden_across), bias, [&](int64_t s, const Lanes* sums) {
      Lanes dot{};
      for (int p = 0; p < H / LANES; ++p) {
        const Softplus unit = softplus(sums[p]);
        store(&hidden[s * H + p * LANES], unit.value);
        store(&slope[s * H + p * LANES], unit.slope);
        dot += unit.value * load(to_density + p * LANES);
      }
      density[s] = total(dot) + w.density_bias;
    });
  }

  void march(const float* depths) {
    for (int64_t i = 0; i + 1 < samples; ++i) {
      alpha[i] = (density[i] + density[i + 1]) / 2 - 1;
      steepness[i] = depths[i + 1] - depths[i];
    }
    for (int64_t i = 0; i + 1 < samples; i += LANES) {
      const Softplus unit = softplus(load(&alpha[i]));
      const Lanes length = load(&steepness[i]), through = exp_of_negative(-unit.value * length);
      store(&alpha[i], 1.f - through);
      store(&steepness[i], through * length * unit.slope);
    }
    float left = 1;
    for (int64_t i = 0; i + 1 < samples; ++i) {
      passed[i] = left;
      interval[i] = alpha[i] * left;
      left *= 1 - alpha[i] + 1e-10f;
    }
    share[0] = interval[0] / 2;
    for (int64_t s = 1; s + 1 < samples; ++s) share[s] = (interval[s - 1] + interval[s]) / 2;
    share[samples - 1] = interval[samples - 2] / 2;
  }

  void color(const Weights& w, bool every) {
    // Runs of samples that show, so that rows are multiplied together.
    for (int64_t s = 0; s < samples;) {
      if (!every && share[s] < SMALL_SHARE) {
        std::fill_n(&sigmoid[s * F], F, 0.f);
        ++s;
        continue;
      }
      int64_t end = s + 1;
      while (end < samples && (every || share[end] >= SMALL_SHARE)) ++end;
      multiply<H, F>(&hidden[s * H], end - s, numbers(w.color_across), numbers(w.color_bias),
                     [&](int64_t row, const Lanes* sums) {
                       for (int p = 0; p < F / LANES; ++p)
                         store(&sigmoid[(s + row) * F + p * LANES], ::sigmoid(sums[p]));
                     });
      s = end;
    }
  }

  void gather(const float* depths, float* colors, float* distance, float* opacity) const {
    float weight = 0, far = 0;
    for (int64_t i = 0; i + 1 < samples; ++i) {
      weight += interval[i];
      far += interval[i] * (depths[i] + depths[i + 1]) / 2;
    }
    for (int p = 0; p < F / LANES; ++p) {
      Lanes sum{};
      for (int64_t s = 0; s < samples; ++s) sum += share[s] * load(&sigmoid[s * F + p * LANES]);
      store(colors + p * LANES, sum * COLOR_GAIN + weight * COLOR_SHIFT);
    }
    *distance = far;
    *opacity = weight;
  }

  // Leaves the gradients of logits and of the hidden layer before its activation; `density` becomes its gradient.
  void backward(const float* depths, const Weights& w, const float* grad_colors, float grad_distance,
                float grad_opacity) {
    float sum_colors = 0;
    for (int o = 0; o < F; ++o) sum_colors += grad_colors[o];
    for (int64_t s = 0; s < samples; ++s) {
      Lanes dot{};
      for (int p = 0; p < F / LANES; ++p) {
        const Lanes value = load(&sigmoid[s * F + p * LANES]);
        const Lanes upstream = value * load(grad_colors + p * LANES) * COLOR_GAIN;
        dot += upstream;
        store(&grad_logits[s * F + p * LANES], share[s] * upstream * (1.f - value));
      }
      grad_share[s] = total(dot);
    }
    // w_i = a_i prod_{j<i} (1 - a_j): an interval hides all those behind it.
    float behind = 0, later = 0;
    for (int64_t i = samples - 2; i >= 0; --i) {
      const float grad = (grad_share[i] + grad_share[i + 1]) / 2 + grad_opacity + COLOR_SHIFT * sum_colors +
                         grad_distance * (depths[i] + depths[i + 1]) / 2;
      float grad_density = (grad * passed[i] - behind / (1 - alpha[i] + 1e-10f)) * steepness[i] / 2;
      if (std::abs(grad_density) < NEGLIGIBLE) grad_density = 0;
      density[i + 1] = later + grad_density;
      later = grad_density;
      behind += grad * interval[i];
    }
    density[0] = later;
    const float* to_density = numbers(w.density);
    multiply<F, H>(grad_logits.data(), samples, numbers(w.color), nullptr, [&](int64_t s, const Lanes* sums) {
      for (int p = 0; p < H / LANES; ++p)
        store(&grad_hidden[s * H + p * LANES],
              (sums[p] + density[s] * load(to_density + p * LANES)) * load(&slope[s * H + p * LANES]));
    });
  }
};

// Gradients of a decoder, of which each task has its own.
template <int C, int H, int F>
struct DecoderGradients {
  std::vector<float> hidden_across, hidden_bias, density, color_across, color_bias;
  float density_bias = 0;

  DecoderGradients() : hidden_across(C * H), hidden_bias(H), density(H), color_across(H * F), color_bias(F) {}

  void add(const Ray<C, H, F>& ray, const float* features) {
    add_products<C, H>(features, ray.grad_hidden.data(), ray.samples, hidden_across.data());
    add_products<H, F>(ray.hidden.data(), ray.grad_logits.data(), ray.samples, color_across.data());
    for (int64_t s = 0; s < ray.samples; ++s) {
      for (int h = 0; h < H; ++h) {
        hidden_bias[h] += ray.grad_hidden[s * H + h];
        density[h] += ray.density[s] * ray.hidden[s * H + h];
      }
      for (int o = 0; o < F; ++o) color_bias[o] += ray.grad_logits[s * F + o];
      density_bias += ray.density[s];
    }
  }

  void add_to(Tensors& totals) const {
    const auto tensor = [](const std::vector<float>& values, at::IntArrayRef shape) {
      return at::from_blob(const_cast<float*>(values.data()), shape);
    };
    totals[0] += tensor(hidden_across, {C, H}).t();
    totals[1] += tensor(hidden_bias, {H});
    totals[2] += tensor(density, {H});
    totals[3] += density_bias;
    totals[4] += tensor(color_across, {H, F}).t();
    totals[5] += tensor(color_bias, {F});
  }
};

template <int C, int H, int F>
Tensors forward_sized(const Tensor& features, const Tensor& depths, const Weights& w) {
  const int64_t rays = depths.size(0), samples = depths.size(1);
  Tensor colors = at::empty({rays, F}), distance = at::empty({rays}), opacity = at::empty({rays});
  const float *x = numbers(features), *d = numbers(depths);
  float *c = colors.data_ptr<float>(), *far = distance.data_ptr<float>(), *weight = opacity.data_ptr<float>();
  at::parallel_for(0, rays, RAYS_PER_TASK, [&](int64_t begin, int64_t end) {
    Ray<C, H, F> ray(samples);
    for (int64_t r = begin; r < end; ++r) {
      ray.decode(x + r * samples * C, w);
      ray.march(d + r * samples);
      ray.color(w, false);
      ray.gather(d + r * samples, c + r * F, far + r, weight + r);
    }
  });
  return {colors, distance, opacity};
}

template <int C, int H, int F>
Tensors backward_sized(const Tensor& features, const Tensor& depths, const Weights& w, const Tensor& grad_colors,
                       const Tensor& grad_distance, const Tensor& grad_opacity, bool needs_features,
                       bool needs_decoder) {
  const int64_t rays = depths.size(0), samples = depths.size(1);
  Tensor grad_features = needs_features ? at::empty_like(features) : Tensor();
  float* to_features = needs_features ? grad_features.data_ptr<float>() : nullptr;
  const float *x = numbers(features), *d = numbers(depths), *gc = numbers(grad_colors), *gd = numbers(grad_distance),
              *go = numbers(grad_opacity);
  Tensors totals;
  if (needs_decoder)
    for (const Tensor& weight : {w.hidden, w.hidden_bias, w.density, at::zeros({}), w.color, w.color_bias})
      totals.push_back(at::zeros_like(weight));
  std::mutex adding;
  at::parallel_for(0, rays, RAYS_PER_TASK, [&](int64_t begin, int64_t end) {
    Ray<C, H, F> ray(samples);
    DecoderGradients<C, H, F> sums;
    for (int64_t r = begin; r < end; ++r) {
      const float* mine = x + r * samples * C;
      ray.decode(mine, w);
      ray.march(d + r * samples);
      ray.color(w, true);
      ray.backward(d + r * samples, w, gc + r * F, gd[r], go[r]);
      if (needs_features)
        multiply<H, C>(ray.grad_hidden.data(), samples, numbers(w.hidden), nullptr, [&](int64_t s, const Lanes* row) {
          for (int p = 0; p < C / LANES; ++p) store(to_features + (r * samples + s) * C + p * LANES, row[p]);
        });
      if (needs_decoder) sums.add(ray, mine);
    }
    if (needs_decoder) {
      const std::lock_guard<std::mutex> lock(adding);
      sums.add_to(totals);
    }
  });
  totals.insert(totals.begin(), grad_features);
  return totals;
}

template <int C, int H>
Tensor density_sized(const Tensor& features, const Weights& w) {
  Tensor density = at::empty({features.size(0)});
  const float *x = numbers(features), *to_density = numbers(w.density);
  float* out = density.data_ptr<float>();
  at::parallel_for(0, features.size(0), POINTS_PER_TASK, [&](int64_t begin, int64_t end) {
    multiply<C, H>(x + begin * C, end - begin, numbers(w.hidden_across), numbers(w.hidden_bias),
                   [&](int64_t row, const Lanes* sums) {
                     Lanes dot{};
                     for (int p = 0; p < H / LANES; ++p)
                       dot += softplus(sums[p]).value * load(to_density + p * LANES);
                     out[begin + row] = total(dot) + w.density_bias;
                   });
  });
  return density;
}

template <int C>
void lookup_sized(const Tensor& rows, const Tensor& points, const std::vector<int64_t>& axes, int64_t size, float scale,
                  float divisor, Tensor& out) {
  const int64_t latents = points.size(0), count = points.size(1), pitch = size + 2;
  const int planes = static_cast<int>(axes.size() / 2);
  const float shift = (size - 1) / 2.f, share = 1.f / divisor;
  const float *table = numbers(rows), *places = numbers(points);
  float* features = out.data_ptr<float>();
  at::parallel_for(0, latents * count, POINTS_PER_TASK, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const float* latent = table + k / count * planes * pitch * pitch * C;
      int32_t corner[3];
      float fraction[3];
      for (int axis = 0; axis < 3; ++axis) {
        // Beyond the centers of the border all weights fall on its zeros.
        // In this order a place that is not a number falls there, too, and not outside of the table.
        const float texel = std::min(std::max(-1.f, places[k * 3 + axis] * scale + shift), static_cast<float>(size));
        const int32_t lower = std::min(static_cast<int32_t>(texel + 1.f), static_cast<int32_t>(size));
        corner[axis] = lower;
        fraction[axis] = texel + 1.f - lower;
      }
      Lanes sums[C / LANES] = {};
      for (int plane = 0; plane < planes; ++plane) {
        const int64_t across = axes[2 * plane], down = axes[2 * plane + 1];
        const float right = fraction[across], lower = fraction[down] * share, upper = share - lower;
        const float* texels = latent + ((plane * pitch + corner[down]) * pitch + corner[across]) * C;
        const float weights[4] = {upper * (1 - right), upper * right, lower * (1 - right), lower * right};
        const float* from[4] = {texels, texels + C, texels + pitch * C, texels + (pitch + 1) * C};
        for (int c = 0; c < 4; ++c)
          for (int p = 0; p < C / LANES; ++p) sums[p] += weights[c] * load(from[c] + p * LANES);
      }
      for (int p = 0; p < C / LANES; ++p) store(features + k * C + p * LANES, sums[p]);
    }
  });
}

Tensors forward(const Tensor& features, const Tensor& depths, const Tensors& weights) {
  const Weights w = prepare(weights);
  return features.size(1) == 16 ? forward_sized<16, 32, 16>(features, depths, w)
                                : forward_sized<32, 64, 32>(features, depths, w);
}

Tensors backward(const Tensor& features, const Tensor& depths, const Tensors& weights, const Tensors& gradients,
                 bool needs_features, bool needs_decoder) {
  const Weights w = prepare(weights);
  const auto sized = features.size(1) == 16 ? backward_sized<16, 32, 16> : backward_sized<32, 64, 32>;
  return sized(features, depths, w, gradients[0].contiguous(), gradients[1].contiguous(), gradients[2].contiguous(),
               needs_features, needs_decoder);
}

Tensor density(const Tensor& features, const Tensors& weights) {
  const Weights w = prepare(weights);
  return features.size(1) == 16 ? density_sized<16, 32>(features, w) : density_sized<32, 64>(features, w);
}

Tensor lookup(const Tensor& rows, const Tensor& points, const std::vector<int64_t>& axes, int64_t size, double scale,
              double divisor) {
  Tensor out = at::empty({points.size(0), points.size(1), rows.size(2)});
  if (rows.size(2) == 16)
    lookup_sized<16>(rows, points, axes, size, scale, divisor, out);
  else
    lookup_sized<32>(rows, points, axes, size, scale, divisor, out);
  return out;
}

}  // namespace

TORCH_LIBRARY(domain_adapter, library) {
  library.def("forward(Tensor features, Tensor depths, Tensor[] weights) -> Tensor[]", &forward);
  library.def(
      "backward(Tensor features, Tensor depths, Tensor[] weights, Tensor[] gradients, bool needs_features, "
      "bool needs_decoder) -> Tensor[]",
      &backward);
  library.def("density(Tensor features, Tensor[] weights) -> Tensor", &density);
  library.def("lookup(Tensor rows, Tensor points, int[] axes, int size, float scale, float divisor) -> Tensor",
              &lookup);
}
