"""The training step again, in plain torch, as the authors mask its attention.

It shares the network's backbone and decoder with the model under test, and
none of what this package computes.
"""

from math import sqrt

import torch
import torch.nn.functional as F

ABSORBS = -1e20  # in float64 what -1e9 is in float32: nothing else is left


def gradients(losses, model):
    """Of the summed losses, by the name of a weight."""
    named = {k: p for k, p in model.named_parameters() if p.requires_grad}
    total = sum(v for k, v in losses.items() if 'loss' in k)
    return dict(zip(named, torch.autograd.grad(
        total, list(named.values()), allow_unused=True)))


def attend(scores, query, key, allowed, add=False):
    """Weighted means over all pairs; ``allowed`` is bool, (N, L or 1, L).

    What a number takes the place of has no gradient; what it is added to has.
    """
    s, q, k = (x.to(query).flatten(2).transpose(1, 2)
               for x in (scores, query, key))
    rows = q @ k.transpose(1, 2) / sqrt(q.shape[2])
    rows = rows + ABSORBS * ~allowed if add else rows.masked_fill(
        ~allowed, ABSORBS)
    return (rows.softmax(2) @ s).transpose(1, 2).reshape(scores.shape)


def pair_mask(scores, query, key, valid):
    """Attention without the pairs of which one position is masked."""
    keys = valid.flatten(2)
    return attend(scores, query, key, keys.transpose(1, 2) & keys)


def key_mask(scores, query, key, valid):
    """The same for valid queries; the others attend as they do."""
    return attend(scores, query, key, valid.flatten(2))


def authors_sum(scores, query, key, valid):
    """The pair mask as the authors add it: its values, and at masked queries
    a gradient though nothing depends on them.
    """
    keys = valid.flatten(2)
    return attend(scores, query, key, keys.transpose(1, 2) & keys, add=True)


class PlainStep:
    """Losses of one batch; see ``SemiSegmentor.loss``."""

    def __init__(self, model):
        self.model = model
        self.align = model.sgc_head.align_corners

    def __call__(self, inputs, samples):
        """Losses by their keys in the log."""
        masks = {view: torch.stack([s.gt_sem_seg.data[0] for s in samples[view]
                                    ]) for view in ('labeled', 'strong')}
        valid = (masks['strong'] != 255)[:, None]
        label, weight = self.pseudo_label(inputs['weak'], valid)
        real = self.nearest(valid, label.shape[2:])
        losses = {'strong.loss_soft_ce': self.l_u(
            inputs['strong'], label, weight, real)}
        losses.update(self.labeled(inputs['labeled'], masks['labeled']))
        return losses

    def nearest(self, valid, size):
        """Validity at another size."""
        rows, columns = (torch.arange(n) * old // n for n, old in zip(
            size, valid.shape[2:]))
        return valid[:, :, rows][:, :, :, columns]

    def bilinear(self, x, size):
        """Resize maps."""
        return F.interpolate(x, size, mode='bilinear',
                             align_corners=self.align)

    def sgc(self, feats, present, valid):
        """Class logits, and the score map's logits."""
        head = self.model.sgc_head
        weights = dict(head.named_parameters())
        last = feats[head.in_index[-1]]
        weight, bias = weights['conv_cls.weight'], weights['conv_cls.bias']
        cls_logits = last.mean((2, 3)) @ weight.flatten(1).T + bias
        if present is None:
            present = cls_logits.sigmoid() >= head.threshold
        cam = self.grad_cam(last.detach(), weight.detach().flatten(1), present)
        size = cam.shape[2:]
        column = torch.cat([self.bilinear(feats[i].detach(), size)
                            for i in head.in_index], 1)
        query, key = (torch.einsum('ec,nchw->nehw', weights[name][..., 0, 0],
                                   column)
                      for name in ('query.weight', 'key.weight'))
        scores = cam + pair_mask(cam, query, key, self.nearest(valid, size))
        planes = torch.cat([2 - scores.amax(1, keepdim=True), scores], 1)
        x = torch.einsum('ck,nkhw->nchw', weights['project.weight'][..., 0, 0],
                         planes)
        mean = x.mean((0, 2, 3), keepdim=True)
        variance = (x - mean).square().mean((0, 2, 3), keepdim=True)
        return cls_logits, (x - mean) / (variance + 1e-3).sqrt() + \
            weights['norm.bias'][:, None, None]

    def grad_cam(self, last, weight, present):
        """Grad-CAM by autograd, divided by its maximum."""
        with torch.enable_grad():
            last = last.clone().requires_grad_()
            logits = last.mean((2, 3)) @ weight.T
            slopes = torch.stack([
                torch.autograd.grad(one.sum(), last, retain_graph=True)[0]
                for one in logits.T], 1).mean((3, 4))
        cam = torch.einsum('nkc,nchw->nkhw', slopes, last.detach()).relu()
        cam = cam * present[:, :, None, None]
        top = cam.amax((2, 3), keepdim=True)
        return cam / top.where(top > 0, 1.)

    @torch.no_grad()
    def pseudo_label(self, weak, valid):
        """Fused label of the weak view, and which of its pixels count."""
        model, how = self.model, self.model.pseudo_label
        model.train(model.weak_bn == 'train')
        feats = model.extract_feat(weak)
        decoder, (_, sgc) = model.decode_head(feats), self.sgc(
            feats, None, valid)
        model.train()
        sgc = self.bilinear(sgc, decoder.shape[2:])
        r = 1.
        if how.norm == 'rms':
            both = torch.cat([decoder.flatten(), sgc.flatten()])
            r = (both.square().mean() + 1e-8).sqrt()
        prob = how.gamma * (decoder / r).softmax(1) + \
            (1 - how.gamma) * (sgc / r).softmax(1)
        prob = prob**(1 / how.temperature)
        prob = prob / prob.sum(1, keepdim=True)
        return prob, prob.amax(1, keepdim=True) >= (how.threshold or 0)

    def l_u(self, strong, label, weight, real):
        """Soft cross entropy over the real pixels."""
        logits = self.model.decode_head(self.model.extract_feat(strong))
        entropy = -(label * logits.log_softmax(1)).sum(1, keepdim=True)
        return (entropy * (weight & real)).sum() / real.sum()

    def labeled(self, images, masks):
        """L_s, L_sa and L_x."""
        head, feats = self.model.sgc_head, self.model.extract_feat(images)
        present = torch.stack([(masks == c).flatten(1).any(1) for c in range(
            1, head.num_classes)], 1)
        cls_logits, sgc = self.sgc(feats, present, (masks != 255)[:, None])
        decoder = self.model.decode_head(feats)
        losses = {
            f'labeled.{name}.loss_ce': F.cross_entropy(
                self.bilinear(logits, masks.shape[1:]), masks,
                ignore_index=255)
            for name, logits in (('decode', decoder), ('sgc', sgc))}
        losses['labeled.sgc.loss_cls'] = \
            F.binary_cross_entropy_with_logits(cls_logits, present.double())
        return losses
