"""dist_info.py PYPROJECT FOLDER — what pip would leave there: by it pytest finds the plugin, and pip what is installed."""
import os
import sys
import tomllib

with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file)["project"]
folder = os.path.join(sys.argv[2], "heartrate_shm-%s.dist-info" % project["version"])
os.makedirs(folder)
with open(os.path.join(folder, "METADATA"), "w") as file:
    file.write("Metadata-Version: 2.1\nName: %(name)s\nVersion: %(version)s\nSummary: %(description)s\n" % project)
with open(os.path.join(folder, "entry_points.txt"), "w") as file:
    for group, points in project["entry-points"].items():
        file.write("[%s]\n" % group + "".join("%s = %s\n" % point for point in points.items()))
