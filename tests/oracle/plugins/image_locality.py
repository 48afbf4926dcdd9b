"""ImageLocality: nodes that hold the pod's images, the more so the larger and the wider spread they are."""

from tests.oracle.cluster import NodeInfo
from tests.oracle.framework import MAX_SCORE, CycleState, Plugin
from tests.oracle.objects import Pod
from tests.oracle.quantity import truncated

MEBIBYTE = 1024 * 1024
LEAST = 23 * MEBIBYTE
MOST_PER_CONTAINER = 1000 * MEBIBYTE


class ImageLocality(Plugin):
    name = "ImageLocality"
    points = frozenset({"score"})

    def score(self, state: CycleState, pod: Pod, info: NodeInfo) -> int:
        containers = [*pod.init_containers, *pod.containers]
        wanted = [container.get("image") or "" for container in containers]
        wanted += [
            volume["image"].get("reference") or ""
            for volume in pod.volumes
            if volume.get("image") is not None
        ]
        here = {name for name, _ in info.node.images}
        if self.name not in state.before_score:
            state.before_score[self.name] = self.cluster.images()
        images: dict[str, tuple[int, int]] = state.before_score[self.name]
        total = 0
        for name in map(_with_tag, wanted):
            if name in here:
                size, holders = images[name]
                total += int(float(size) * (holders / len(self.cluster.nodes)))
        most = MOST_PER_CONTAINER * len(containers)
        total = LEAST if total < LEAST else min(total, most)
        return truncated(MAX_SCORE * (total - LEAST), most - LEAST)


def _with_tag(image: str) -> str:
    return image if image.rfind(":") > image.rfind("/") else image + ":latest"
